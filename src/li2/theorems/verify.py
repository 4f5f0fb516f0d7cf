"""Measure claims on groups, one after the other, and collect what was found."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from li2.errors import Li2Error
from li2.groups import Representations, catalogue, named_group
from li2.theorems.claim import Claim, Finding, NotApplicable, Setting, Verdict, overall
from li2.theorems.claims import CLAIMS
from li2.theory.statements import named_statements

Progress = Callable[[int, int, str], None]
"""Called with the number of measurements done, that of all, and what comes next."""


@dataclass(frozen=True)
class ClaimResult:
    """A claim with everything found on it."""

    claim: Claim
    findings: Sequence[Finding]

    @property
    def verdict(self) -> Verdict:
        """The worst over all groups to which the claim applies."""
        return overall(finding.verdict for finding in self.findings)


@dataclass
class Verification:
    """What a verification has found so far.

    Attributes:
        command: the shell command that repeats it.
        results: claims in the paper's order, with their findings.
        missing: claims that an interruption has left unmeasured, in part at least.
    """

    command: str
    results: list[ClaimResult] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Process time of all measurements."""
        return sum(finding.seconds for result in self.results for finding in result.findings)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "command": self.command,
            "seconds": round(self.seconds, 2),
            "missing": self.missing,
            "claims": [
                {
                    "claim": result.claim.statement.name,
                    "title": result.claim.statement.title,
                    "statement": result.claim.statement.text,
                    "correction": result.claim.statement.correction,
                    "method": result.claim.method,
                    "verdict": result.verdict.value,
                    "findings": [finding.as_json() for finding in result.findings],
                }
                for result in self.results
            ],
        }


def chosen_claims(names: Sequence[str], *, small: bool = False) -> list[Claim]:
    """The claims of these names, or all; with ``small``, those that are quick enough for all small groups.

    Raises:
        Li2Error: if a name is unknown, or not quick enough.
    """
    claims = [CLAIMS[statement.name] for statement in named_statements(names or CLAIMS)]
    if not small:
        return claims
    slow = [claim.statement.name for claim in claims if not claim.small]
    if names and slow:
        known = ", ".join(name for name, claim in CLAIMS.items() if claim.small)
        raise Li2Error(f"--all-small-groups takes the claims {known}; {slow[0]} is none of them.")
    return [claim for claim in claims if claim.small]


def small_groups(largest: int) -> list[str]:
    """The names of all groups of order 2 to ``largest``."""
    return [line.name for line in catalogue() if 1 < line.order <= largest]


def verify(
    claims: Sequence[Claim],
    groups: Sequence[str],
    *,
    scale: str = "quick",
    seed: int = 0,
    command: str = "",
    progress: Progress | None = None,
) -> Verification:
    """Measure claims; an interruption (Ctrl-C) keeps what has been found until then.

    Args:
        claims: which.
        groups: on which groups; empty for each claim's own.
        scale: ``quick`` or ``paper``.
        seed: of everything random.
        command: the shell command that repeats it, for the page.
        progress: see :data:`Progress`.

    Raises:
        Li2Error: if a group is wrong; nothing has been measured then.
    """
    given = {name: Representations(named_group(name)) for name in groups}
    for name, representations in given.items():
        if representations.group.order == 1:
            raise Li2Error(f"claims are about groups with features, but {name} is trivial; take a larger one.")
    places = {claim.statement.name: ((groups or claim.groups) if claim.groups else (None,)) for claim in claims}
    total, done = sum(map(len, places.values())), 0
    verification = Verification(command)
    for number, claim in enumerate(claims):
        findings: list[Finding] = []
        try:
            for place in places[claim.statement.name]:
                if progress is not None:
                    progress(done, total, f"{claim.statement.name} {place or ''}".strip())
                if place is not None and place not in given:
                    given[place] = Representations(named_group(place))
                setting = Setting(given[place] if place else None, scale, seed)
                findings.append(_measured(claim, place, setting))
                done += 1
        except KeyboardInterrupt:
            verification.missing = [later.statement.name for later in claims[number:]]
            return verification
        finally:
            if findings:
                verification.results.append(ClaimResult(claim, findings))
    return verification


def _measured(claim: Claim, group: str | None, setting: Setting) -> Finding:
    begun = time.process_time()
    evidence, reason = None, None
    try:
        evidence = claim.measure(setting)
    except NotApplicable as why:
        reason = str(why)
    return Finding(group, evidence, reason, time.process_time() - begun)
