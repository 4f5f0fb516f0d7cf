"""What learned features can represent: Theorem 3."""

from li2.theorems.claim import Claim

CLAIMS: list[Claim] = []
