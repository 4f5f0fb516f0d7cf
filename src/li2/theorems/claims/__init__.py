"""One module for each part of the paper; each measures what its statements claim."""

from li2.theorems.claim import Claim
from li2.theorems.claims import (
    depth,
    interaction,
    lazy,
    maxima,
    memorisation,
    muon,
    reconstruction,
    sampling,
)
from li2.theory.statements import STATEMENTS

_PARTS = (lazy, maxima, reconstruction, sampling, memorisation, interaction, muon, depth)

_MEASURED = {claim.statement.name: claim for part in _PARTS for claim in part.CLAIMS}

CLAIMS: dict[str, Claim] = {name: _MEASURED[name] for name in STATEMENTS if name in _MEASURED}
"""All claims by name, in the order of the paper."""
