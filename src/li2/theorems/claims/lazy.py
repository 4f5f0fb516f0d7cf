"""The lazy stage: Proposition 1, Lemma 1, Theorem 1 and the scaling of the output."""

from li2.theorems.claim import Claim

CLAIMS: list[Claim] = []
