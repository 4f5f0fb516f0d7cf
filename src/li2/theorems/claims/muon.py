"""Muon and the collection of features: Lemmas 2 and 7 to 10, Theorem 8."""

from li2.theorems.claim import Claim

CLAIMS: list[Claim] = []
