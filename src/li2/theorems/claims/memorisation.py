"""Memorising maxima: Theorem 5."""

from li2.theorems.claim import Claim

CLAIMS: list[Claim] = []
