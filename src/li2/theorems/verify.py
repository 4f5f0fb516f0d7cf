"""Measure claims on groups, one after the other, and collect what was found."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from li2.errors import Li2Error
from li2.groups import Representations, catalogue, named_group
from li2.specs import VerifySpec
from li2.theorems.claim import Claim, Finding, NotApplicable, Setting, Verdict, overall
from li2.theorems.claims import CLAIMS
from li2.theory.statements import named_statements

Progress = Callable[[int, int, str], None]
"""Called with the number of measurements done, that of all, and what comes next."""


@dataclass(frozen=True)
class ClaimResult:
    """A claim with everything found on it."""

    claim: Claim
    findings: list[Finding]

    @property
    def verdict(self) -> Verdict:
        """The worst over all groups to which the claim applies."""
        return overall(finding.verdict for finding in self.findings)


@dataclass
class Verification:
    """What a verification has found so far.

    Attributes:
        spec: what was asked for.
        results: all claims, in the paper's order, with what was found on them.
        complete: how many of them, from the first on, have been measured everywhere.
    """

    spec: VerifySpec
    results: list[ClaimResult]
    complete: int = 0

    @property
    def measured(self) -> list[ClaimResult]:
        """The claims on which something was found."""
        return [result for result in self.results if result.findings]

    @property
    def failed(self) -> bool:
        """Whether a measurement failed."""
        return any(result.verdict == Verdict.UNMEASURED for result in self.results)

    @property
    def rest(self) -> VerifySpec | None:
        """The claims that an interruption has left unmeasured, in part at least; None if there are none."""
        names = tuple(result.claim.statement.name for result in self.results[self.complete :])
        return VerifySpec(**{**self.spec.explicit(), "claims": names}) if names else None

    @property
    def seconds(self) -> float:
        """Process time of all measurements."""
        return sum(finding.seconds for result in self.results for finding in result.findings)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "command": self.spec.command(),
            "seconds": round(self.seconds, 2),
            "rest": self.rest and self.rest.command(),
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
                for result in self.measured
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


def verify(spec: VerifySpec, progress: Progress | None = None) -> Verification:
    """Measure claims; an interruption (Ctrl-C) keeps what has been found until then.

    Args:
        spec: which claims, on which groups.
        progress: see :data:`Progress`.

    Raises:
        Li2Error: if a claim or a group is wrong; nothing has been measured then.
    """
    small = spec.all_small_groups
    claims = chosen_claims(spec.claims, small=small is not None)
    groups = spec.group if small is None else small_groups(small)
    given = {name: _featured(name) for name in dict.fromkeys(groups)}
    places = [(claim, claim.places(tuple(given))) for claim in claims]
    verification = Verification(spec, [ClaimResult(claim, []) for claim in claims])
    total, done = sum(len(names) for _, names in places), 0
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # everything here is small: threads would mostly wait for each other
    try:
        for result, (claim, names) in zip(verification.results, places, strict=True):
            for name in names:
                if progress is not None:
                    progress(done, total, f"{claim.statement.name} {name or ''}".strip())
                if name is not None and name not in given:
                    given[name] = _featured(name)
                setting = Setting(given[name] if name else None, spec.scale, spec.seed)
                result.findings.append(_measured(claim, name, setting))
                done += 1
            verification.complete += 1
    except KeyboardInterrupt:
        pass
    finally:
        torch.set_num_threads(threads)
    return verification


def _featured(name: str) -> Representations:
    """The representations of a group that has features."""
    group = named_group(name)
    if group.order == 1:
        raise Li2Error(f"claims are about groups with features, but {name} is trivial; take a larger one.")
    return Representations(group)


def _measured(claim: Claim, group: str | None, setting: Setting) -> Finding:
    begun = time.process_time()
    evidence, reason, failed = None, None, False
    try:
        evidence = claim.measure(setting)
    except NotApplicable as why:
        reason = str(why)
    except Exception as failure:  # noqa: BLE001 (a defect in one claim must not lose what the others found)
        reason, failed = f"It could not be measured: {type(failure).__name__}, {failure}.", True
    return Finding(group, evidence, reason, time.process_time() - begun, failed)
