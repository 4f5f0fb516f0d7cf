"""The implicit top layer against epoch-by-epoch loops and dense solutions, in float64."""

import pytest
import torch
from torch import Tensor

from li2.optim import SGD, Adam, Muon, Optimizer
from li2.prediction import top_layer
from li2.prediction.top_layer import TopLayer

M, LR, DECAY = 5, 1e-3, 0.02
SHAPES = [(30, 12), (12, 30)]
ADAM = Adam(0.9, 0.999, couples_decay=True)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equations are solved to rounding."""
    monkeypatch.setattr(top_layer, "TOLERANCE", 1e-8)
    monkeypatch.setattr(top_layer, "MOST_ITERATIONS", 200)


def problem(n: int, S: int, runs: int = 2, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """V, features and targets of some populations."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (runs, S, M), (runs, n, S), (runs, n, M)
    V, features, targets = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return 0.3 * V, features, targets


def trained(
    optimizer: Optimizer,
    decay: float,
    c: float,
    start: Tensor,
    features: Tensor,
    targets: Tensor,
    epochs: int,
    lr: float,
) -> Tensor:
    """V by the optimiser itself, epoch by epoch."""
    V = start.clone()
    state = optimizer.init({"V": V})
    for epoch in range(epochs):
        gradient = 2 / features.shape[1] * features.mT @ (c * features @ V - targets)
        optimizer.update({"V": V}, {"V": gradient}, state, epoch + 1, lr, decay)
    return V


def ridge(features: Tensor, targets: Tensor, c: float, eta: float) -> Tensor:
    gram = c * features.mT @ features + eta * torch.eye(features.shape[2], dtype=features.dtype)
    return torch.linalg.solve(gram, features.mT @ targets)


def distance(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(("n", "S"), SHAPES)
def test_of_first_order_in_time(n: int, S: int) -> None:
    """The error of a step relative to its length is half as large in half the time."""
    start, features, targets = problem(n, S)
    errors = []
    for epochs in (80, 40, 20):
        found = TopLayer(SGD(0.0), DECAY, 1.0).advance(start, features, targets, epochs, LR / 10)
        own = trained(SGD(0.0), DECAY, 1, start, features, targets, epochs, LR / 10)
        errors.append(distance(found - start, own - start))
    assert errors[0] < 0.1
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.1)


@pytest.mark.usefixtures("exact")
def test_momentum_lends_speed() -> None:
    start, features, targets = problem(30, 12)
    found = TopLayer(SGD(0.75), DECAY, 1.0).advance(start, features, targets, 10, LR)
    faster = TopLayer(SGD(0.0), DECAY, 1.0).advance(start, features, targets, 10, 4 * LR)
    assert distance(found, faster) < 1e-12


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("c", [1.0, 3.5])
@pytest.mark.parametrize(("n", "S"), SHAPES)
def test_the_ridge_solution_is_where_it_ends_and_what_it_is_set_to(n: int, S: int, c: float) -> None:
    start, features, targets = problem(n, S)
    for optimizer in (SGD(0.9), ADAM, Muon("published", ADAM)):
        found = TopLayer(optimizer, DECAY, c).advance(start, features, targets, 10**13, LR)
        assert distance(found, ridge(features, targets, c, n * DECAY / 2)) < 1e-6
    found = TopLayer(ADAM, DECAY, c, ridge=0.7).advance(start, features, targets, 1, LR)
    assert distance(found, ridge(features, targets, c, 0.7)) < 1e-9


@pytest.mark.parametrize(("n", "S"), SHAPES)
def test_solved_roughly_each_step_begins_where_the_last_one_ended(n: int, S: int) -> None:
    """With the tolerance that is there, an ill-conditioned ridge solution comes nearer step by step."""
    start, features, targets = problem(n, S)
    layer, V = TopLayer(ADAM, DECAY, 1.0, ridge=1e-5), start
    for _ in range(30):
        V = layer.advance(V, features, targets, 1, LR)
    assert distance(V, ridge(features, targets, 1, 1e-5)) < 1e-6


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("couples", [True, False])
@pytest.mark.parametrize(("n", "S"), SHAPES)
def test_adams_steps_solve_the_whole_system(n: int, S: int, couples: bool) -> None:
    """(S·M) equations with a resistance of each weight's own, from its gradients so far."""
    c, epochs, beta, decay = 2.5, 7, 0.9, 4.0
    start, features, targets = problem(n, S, runs=1)
    layer = TopLayer(Adam(0.9, beta, couples), decay, c)
    F, V, Y = features[0], start[0], targets[0]
    eye = torch.eye(M, dtype=F.dtype)
    hessian = torch.kron(c * F.T @ F, eye)  # of V with its rows one after another
    eta = n * decay / 2 if couples else 0.0
    gradient = 2 / n * (c * F.T @ F @ V - F.T @ Y) + (decay * V if couples else 0)
    second = gradient**2 * (1 - beta**0.5)
    done = 0.5  # the first gradient is its own root mean square
    for _ in range(3):
        resistance = (second / (1 - beta**done)).sqrt() + 1e-8
        q = n * resistance / (2 * LR * epochs)
        held = (q if couples else q * (1 + LR * decay * epochs)).flatten()
        system = hessian + torch.diag(held + eta)
        moved = torch.linalg.solve(system, (F.T @ Y + q * V).flatten()).view(S, M)
        start = layer.advance(start, features, targets, epochs, LR)
        assert distance(start[0], moved) < 1e-7
        gradient = 2 / n * (c * F.T @ F @ moved - F.T @ Y) + (decay * moved if couples else 0)
        second = beta**epochs * (second if done >= 1 else 0) + (1 - beta**epochs) * gradient**2
        done, V = (done + epochs if done >= 1 else epochs), moved


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(("couples", "decay", "epochs"), [(True, 0.5, 1), (True, 20.0, 5), (False, 20.0, 5)])
def test_short_steps_are_adams_own(couples: bool, decay: float, epochs: int) -> None:
    optimizer = Adam(0.9, 0.999, couples)
    start, features, targets = problem(40, 6)
    lr = 2e-4
    layer, V = TopLayer(optimizer, decay, 1.0), start
    for _ in range(20 // epochs):
        V = layer.advance(V, features, targets, epochs, lr)
    own = trained(optimizer, decay, 1, start, features, targets, 20, lr)
    assert distance(V - start, own - start) < 0.06


@pytest.mark.usefixtures("exact")
def test_decoupled_decay_shrinks_what_no_gradient_holds() -> None:
    start, features, _ = problem(30, 12)
    layer = TopLayer(Adam(0.9, 0.999, couples_decay=False), 5.0, 1.0)
    found = layer.advance(start, features, features @ start, 40, LR)
    free = TopLayer(Adam(0.9, 0.999, couples_decay=False), 5.0, 1.0).advance(
        start, torch.zeros_like(features), torch.zeros_like(features @ start), 40, LR
    )
    assert distance(free, start / (1 + 5 * 40 * LR)) < 1e-12
    assert free.norm() < found.norm() < start.norm()


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("optimizer", [SGD(0.5), ADAM])
@pytest.mark.parametrize(("n", "S"), SHAPES)
def test_nodes_that_stand_for_copies(n: int, S: int, optimizer: Optimizer) -> None:
    start, features, targets = problem(n, S)
    few, all_ = TopLayer(optimizer, DECAY, 3.0), TopLayer(optimizer, DECAY, 1.0)
    V, whole = start, start.repeat(1, 3, 1)
    for _ in range(2):
        V = few.advance(V, features, targets, 6, LR)
        whole = all_.advance(whole, features.repeat(1, 1, 3), targets, 6, LR)
        assert distance(V.repeat(1, 3, 1), whole) < 1e-7


@pytest.mark.parametrize(("n", "S"), SHAPES)
def test_a_population_does_not_depend_on_those_beside_it(n: int, S: int) -> None:
    """Though some are harder to solve for than others."""
    start, features, targets = problem(n, S, runs=3)
    features = features * torch.tensor([1.0, 10.0, 0.01], dtype=features.dtype)[:, None, None]
    layers = [TopLayer(ADAM, DECAY, 2.0) for _ in range(4)]
    together, alone = start, list(start.split(1))
    for _ in range(5):
        together = layers[3].advance(together, features, targets, 20, 0.01)
        alone = [
            layer.advance(V, *(part[number : number + 1] for part in (features, targets)), 20, 0.01)
            for number, (layer, V) in enumerate(zip(layers, alone, strict=False))
        ]
    assert distance(together, torch.cat(alone)) < 1e-10
