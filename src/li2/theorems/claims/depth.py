"""Deeper networks: section 6."""

from li2.theorems.claim import Claim

CLAIMS: list[Claim] = []
