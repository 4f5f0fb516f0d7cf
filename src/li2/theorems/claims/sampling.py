"""How much data keeps the maxima: Theorem 4."""

from li2.theorems.claim import Claim

CLAIMS: list[Claim] = []
