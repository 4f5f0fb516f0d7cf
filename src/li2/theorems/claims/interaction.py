"""How nodes act on each other: Theorems 6 and 7."""

from li2.theorems.claim import Claim

CLAIMS: list[Claim] = []
