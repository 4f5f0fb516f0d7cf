"""The search for critical sizes: against known truths, restarted anywhere, on every kind of group and misfortune."""

import itertools
import math
import shlex
from collections.abc import Callable

import numpy as np
import pytest

from li2.errors import Li2Error
from li2.specs import KEYS, RunSpec, read_overrides
from li2.specs.boundary_spec import BOUNDARY_KEYS, BoundarySpec
from li2.specs.plan import PlannedRun
from li2.sweeps.boundary import Boundary
from li2.sweeps.crossings import Crossing, CrossingStatus
from li2.tasks import build_split, build_task
from li2.theory.scaling import critical_ratio

Truth = Callable[[RunSpec], bool | None]


def searched(boundary: Boundary, truth: Truth) -> tuple[dict[str, bool | None], list[list[PlannedRun]]]:
    """The fates of all runs that a search takes, and the runs of each of its rounds."""
    fates: dict[str, bool | None] = {}
    rounds = []
    while wanted := boundary.propose(fates):
        assert not {run.key for run in wanted} & set(fates)
        rounds.append(wanted)
        fates |= {run.key: truth(run.spec) for run in wanted}
    return fates, rounds


def law(constant: float, spread: float = 0.1) -> Truth:
    """Runs generalise from constant·M·ln M pairs on, times a factor of each group's and seed's own."""

    def generalises(spec: RunSpec) -> bool:
        assert spec.train_size is not None
        order = build_task(spec.group).order
        noise = np.random.default_rng([order, spec.seed]).normal()
        return spec.train_size >= constant * order * math.log(order) * math.exp(spread * noise)

    return generalises


@pytest.mark.parametrize("constant", [0.3, 1.5, 2.7482, 3.5])
@pytest.mark.parametrize("tolerance", [0.05, 0.3])
def test_brackets_hold_the_truth_and_are_sharp(constant: float, tolerance: float) -> None:
    groups = "cyclic:23,cyclic:31,cyclic:47,cyclic:71,dihedral:20,dihedral:30"
    spec = BoundarySpec(groups=groups, seeds=2, tolerance=tolerance)
    truth = law(constant)
    fates, _ = searched(boundary := Boundary(spec), truth)
    crossings = boundary.results(fates)
    assert [(c.group, c.seed) for c in crossings] == list(itertools.product(spec.groups, range(2)))
    for crossing in crossings:
        assert crossing.status is CrossingStatus.BRACKETED
        assert crossing.low is not None
        assert crossing.high is not None
        assert not truth(spec.run(crossing.group, crossing.seed, crossing.low))
        assert truth(spec.run(crossing.group, crossing.seed, crossing.high))
        assert crossing.high <= max(crossing.low * (1 + tolerance), crossing.low + 1)
        assert crossing.low_ratio == crossing.low / crossing.order**2
    assert sum(crossing.runs for crossing in crossings) == len(fates)


def test_takes_few_runs() -> None:
    boundary = Boundary(BoundarySpec(groups="cyclic:primes(11,71),dihedral:range(10,36,5)"))
    fates, _ = searched(boundary, law(2.0))
    crossings = boundary.results(fates)
    assert len(fates) < 5 * len(crossings)  # a bracket of the right place alone takes 2, its search blindly 7 or more
    assert 4 * len(fates) < boundary.grid_runs(crossings)


def test_full_grid_counts_the_sizes_between_half_and_double() -> None:
    boundary = Boundary(BoundarySpec(groups="cyclic:71", seeds=2))
    fates, _ = searched(boundary, law(2.0, spread=0))
    expected = 2 * math.log(4) / math.log(1.05)
    assert boundary.grid_runs(boundary.results(fates)) == pytest.approx(expected, rel=0.03)
    assert boundary.grid_runs([]) == pytest.approx(expected, rel=0.03)  # the published law, before anything is known


def test_first_runs_are_of_the_published_law() -> None:
    spec = BoundarySpec(groups="cyclic:71,dihedral:11,small:21.1", seeds=2)
    first = {(run.spec.group, run.spec.train_size) for run in Boundary(spec).propose({})}
    sizes = {("cyclic:71", 71**2 * critical_ratio(71)), ("dihedral:11", 22**2 * critical_ratio(22))}
    assert first == {(g, round(s)) for g, s in sizes | {("small:21.1", 21**2 * critical_ratio(21, 3))}}


def test_goes_on_wherever_it_was_interrupted() -> None:
    spec = BoundarySpec(groups="cyclic:11,cyclic:23,cyclic:43", seeds=2)
    undisturbed, _ = searched(Boundary(spec), law(2.0))
    random = np.random.default_rng(0)
    fates: dict[str, bool | None] = {}
    while wanted := Boundary(spec).propose(fates):  # a new object each time, and only some of the runs have ended
        assert wanted == Boundary(spec).propose(dict(reversed(fates.items())))
        for run in random.permutation(len(wanted))[: random.integers(1, len(wanted) + 1)]:
            fates[wanted[run].key] = law(2.0)(wanted[run].spec)
    assert fates == undisturbed


def test_proposals_stay_until_they_have_ended() -> None:
    boundary = Boundary(BoundarySpec(groups="cyclic:primes(11,23)", seeds=2))
    fates: dict[str, bool | None] = {}
    pending: set[str] = set()
    while wanted := boundary.propose(fates):
        assert pending <= {run.key for run in wanted}
        fates[wanted[0].key] = law(2.0)(wanted[0].spec)
        pending = {run.key for run in wanted[1:]}


def test_seeds_go_in_step() -> None:
    boundary = Boundary(BoundarySpec(groups="cyclic:43"))
    fates: dict[str, bool | None] = {}
    first = boundary.propose(fates)
    assert len(first) == 5
    assert len({run.spec.train_size for run in first}) == 1
    for run in first[:-1]:
        fates[run.key] = True
        assert first[-1] in boundary.propose(fates)
        assert len(boundary.propose(fates)) == 5 - len(fates)
    fates[first[-1].key] = True
    assert len(boundary.propose(fates)) == 5


def test_other_groups_start_where_two_ended() -> None:
    boundary = Boundary(BoundarySpec(groups="cyclic:primes(11,71)", seeds=1))
    _, rounds = searched(boundary, law(1.5, spread=0))
    assert {run.spec.group for run in rounds[0]} == {"cyclic:23", "cyclic:59"}  # quartiles of 16 orders
    starts = {run.spec.group: run.spec.train_size for wanted in reversed(rounds) for run in wanted}
    for order in (31, 47, 67):
        assert starts[f"cyclic:{order}"] == pytest.approx(1.5 * order * math.log(order), rel=0.06)


@pytest.mark.parametrize(
    ("fate", "status", "low", "high"),
    [(True, CrossingStatus.BELOW, None, 1), (False, CrossingStatus.ABOVE, 23 * 23 - 1, None)],
)
def test_ends_of_the_grid(fate: bool, status: CrossingStatus, low: int | None, high: int | None) -> None:
    fates, rounds = searched(boundary := Boundary(BoundarySpec(groups="cyclic:23", seeds=2)), lambda spec: fate)
    assert {(c.status, c.low, c.high) for c in boundary.results(fates)} == {(status, low, high)}
    assert len(rounds) < 12


@pytest.mark.parametrize("group", ["cyclic:2", "cyclic:3", "symmetric:3", "alternating:4", "expression:x*y+x mod 7"])
def test_tiny_and_other_tasks(group: str) -> None:
    spec = BoundarySpec(groups=(group,), seeds=2)
    fates, rounds = searched(boundary := Boundary(spec), lambda run: (run.train_size or 0) >= 3)
    for crossing in boundary.results(fates):
        assert (crossing.status, crossing.low, crossing.high) == (CrossingStatus.BRACKETED, 2, 3)
        assert (crossing.largest_irrep_dim is None) == group.startswith("expression")
    for run in itertools.chain(*rounds):
        build_split(build_task(run.spec.group), run.spec)  # can be trained


def test_failed_runs_end_their_search_only() -> None:
    spec = BoundarySpec(groups="cyclic:primes(11,43)", seeds=3)

    def truth(run: RunSpec) -> bool | None:
        return None if run.seed == 1 else law(2.0)(run)

    fates, _ = searched(boundary := Boundary(spec), truth)
    crossings = boundary.results(fates)
    assert all((c.status is CrossingStatus.FAILED) == (c.seed == 1) for c in crossings)
    assert all(c.runs == 1 for c in crossings if c.seed == 1)
    retried = {key: fate for key, fate in fates.items() if fate is not None}
    again = boundary.propose(retried)
    assert again
    assert {run.spec.seed for run in again} == {1}
    assert all(c.status is CrossingStatus.OPEN for c in boundary.results(retried) if c.seed == 1)


def test_results_are_plain_values() -> None:
    crossing = Crossing("cyclic:23", 0, 23, 1, 529, 100, 105, 4, CrossingStatus.BRACKETED)
    values = crossing.as_json()
    assert (values["low_ratio"], values["high_ratio"], values["status"]) == (100 / 529, 105 / 529, "bracketed")
    open_ended = Crossing("cyclic:23", 0, 23, 1, 529, None, None, 0, CrossingStatus.OPEN)
    assert open_ended.low_ratio is None
    assert open_ended.high_ratio is None


def test_defaults_are_those_of_its_keys() -> None:
    spec = BoundarySpec(groups="cyclic:5")
    assert {**spec.explicit(), "groups": ()} == {
        n: k.default for n, k in BOUNDARY_KEYS.items() if k.default is not None
    }
    assert set(BOUNDARY_KEYS) - set(KEYS) == {"groups", "seeds", "tolerance"}
    run = spec.run("cyclic:5", 3, 7)
    assert type(run) is RunSpec
    assert (run.group, run.seed, run.train_size, run.train_fraction) == (
        "cyclic:5",
        3,
        7,
        None,
    )
    assert (run.width, run.epochs, run.measure, run.stop, run.diagnose) == (512, 3000, "every:10", "decided", "off")


def test_command_repeats_it() -> None:
    spec = BoundarySpec(
        groups='cyclic:primes(5,11),"file:a,b.csv",expression:(x+y)*(x+1) mod 5', lr="1e-3", tolerance=0.1
    )
    assert spec.groups == ("cyclic:5", "cyclic:7", "cyclic:11", "file:a,b.csv", "expression:(x+y)*(x+1) mod 5")
    li2, command, *words = shlex.split(spec.command())
    assert (li2, command) == ("li2", "boundary")
    assert BoundarySpec(**read_overrides(words, BOUNDARY_KEYS)) == spec


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "groups is not given"),
        ({"groups": ""}, "groups is not given"),
        ({"groups": "cyclic:5,cyclic:5"}, "cyclic:5 more than once"),
        ({"groups": "cyclic:5", "group": "cyclic:7"}, "did you mean 'groups'"),
        ({"groups": "cyclic:5", "train_size": 7}, "unknown key 'train_size'"),
        ({"groups": "cyclic:5", "seeds": 0}, "seeds must be a whole number from 1"),
        ({"groups": "cyclic:5", "tolerance": 0}, "tolerance must be ≥ 0.001"),
        ({"groups": "cyclic:5", "lr": -1}, "lr must be a number > 0"),
        ({"groups": "cyclic:primes(5)"}, "primes(5)"),
    ],
)
def test_wrong_values(values: dict[str, object], message: str) -> None:
    with pytest.raises(Li2Error) as error:
        BoundarySpec(**values)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_group() -> None:
    with pytest.raises(Li2Error, match="cyclical"):
        Boundary(BoundarySpec(groups="cyclical:5"))
