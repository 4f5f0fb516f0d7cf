"""Stage I's formulas against explicit inverses, ODE integration and PyTorch's optimisers."""

import pytest
import torch

from li2.theory import lazy

SIZES = [(12, 30), (30, 12), (15, 15)]


def data(n: int, K: int, M: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(n + K)
    features, targets, top = (
        torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((n, K), (n, M), (K, M))
    )
    return features, targets, top


@pytest.mark.parametrize(("n", "K"), SIZES)
@pytest.mark.parametrize("eta", [1e-3, 0.5, 20.0])
def test_ridge_is_proposition_1(n: int, K: int, eta: float) -> None:
    F, Y, _ = data(n, K)
    A = torch.linalg.inv(F.T @ F + eta * torch.eye(K, dtype=F.dtype))
    B = torch.linalg.inv(F @ F.T + eta * torch.eye(n, dtype=F.dtype))
    ridge = lazy.ridge(F, Y, eta)
    top, gradient = A @ F.T @ Y, eta * B @ Y @ Y.T @ F @ A
    assert (ridge.top - top).norm() < 1e-9 * top.norm()
    assert (ridge.gradient - gradient).norm() < 1e-9 * gradient.norm()


@pytest.mark.parametrize(("n", "K"), SIZES)
def test_ridge_without_decay_is_least_squares(n: int, K: int) -> None:
    F, Y, _ = data(n, K)
    ridge = lazy.ridge(F, Y, 0.0)
    top = torch.linalg.pinv(F) @ Y
    assert (ridge.top - top).norm() < 1e-6 * top.norm()
    expected = (Y - F @ top) @ top.T
    assert (ridge.gradient - expected).norm() < 1e-6 * max(expected.norm().item(), top.norm().item())


@pytest.mark.parametrize("eta", [0.0, 1e-18, 1e-13, 1e-10])
@pytest.mark.parametrize(("n", "K"), SIZES)
def test_ridge_of_rank_deficient_features(n: int, K: int, eta: float) -> None:
    F, Y, _ = data(n, K)
    F = torch.cat([F[: n // 2], F[: n - n // 2]])
    top = torch.linalg.pinv(F, rtol=1e-10) @ Y
    ridge = lazy.ridge(F, Y, eta)
    assert (ridge.top - top).norm() < 1e-4 * top.norm()
    expected = (Y - F @ top) @ top.T
    assert (ridge.gradient - expected).norm() < 1e-4 * expected.norm()


@pytest.mark.parametrize(("n", "K"), SIZES)
@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_gradient_flow_against_the_matrix_exponential(n: int, K: int, eta: float) -> None:
    F, Y, V0 = data(n, K)
    times = torch.tensor([0.0, 1e-3, 0.02, 0.3, 5.0], dtype=torch.float64)
    flow = lazy.gradient_flow(F, Y, V0, eta, times)
    # V̇ = FᵀY − AV as a linear system of one dimension more.
    A = F.T @ F + eta * torch.eye(K, dtype=F.dtype)
    system = torch.zeros(K + 5, K + 5, dtype=F.dtype)
    system[:K, :K], system[:K, K:] = -A, F.T @ Y
    for i, t in enumerate(times):
        V = (torch.linalg.matrix_exp(system * t) @ torch.cat([V0, torch.eye(5, dtype=F.dtype)]))[:K]
        R = Y - F @ V
        assert flow.gradient_norms[i].item() == pytest.approx((R @ V.T).norm().item(), rel=1e-8, abs=1e-8)
        assert flow.losses[i].item() == pytest.approx((R.norm() ** 2 / n).item(), rel=1e-8, abs=1e-10)


def test_gradient_flow_starts_as_proposition_1_and_ends_at_the_ridge_solution() -> None:
    F, Y, V0 = data(12, 30)
    t = 1e-6
    V0 = 1e-3 * V0
    flow = lazy.gradient_flow(F, Y, V0, 0.5, torch.tensor([t, 1e3], dtype=torch.float64))
    start = Y @ V0.T - F @ V0 @ V0.T + t * Y @ Y.T @ F
    assert flow.gradient_norms[0].item() == pytest.approx(start.norm().item(), rel=1e-3 * t / 1e-6)
    assert flow.gradient_norms[1].item() == pytest.approx(lazy.ridge(F, Y, 0.5).gradient.norm().item(), rel=1e-9)


@pytest.mark.parametrize(("n", "K"), [(40, 50), (50, 40)])
def test_a_krylov_space_keeps_what_the_flow_does(n: int, K: int) -> None:
    F, Y, V0 = data(n, K, M=2)
    F, times = F / 10, torch.tensor([0.0, 0.3, 3.0, 1e3], dtype=F.dtype)
    exact = lazy.gradient_flow(F, Y, V0, 0.5, times)
    errors = []
    for blocks in (2, 4, 6):
        space, reduced = lazy.krylov_space(F, torch.cat([F.T @ Y, V0], dim=1), blocks)
        assert (space.T @ space - torch.eye(4 * blocks, dtype=F.dtype)).abs().max() < 1e-13
        assert (F @ space - reduced).abs().max() < 1e-13
        flow = lazy.gradient_flow(reduced, Y, space.T @ V0, 0.5, times)
        errors.append((flow.gradient_norms - exact.gradient_norms).abs().max().item())
    assert errors[0] > 10 * errors[1] > 100 * errors[2]
    assert errors[2] < 1e-4 * exact.gradient_norms.max()


def test_a_regular_matrix_without_decay_is_solved_as_least_squares() -> None:
    F, Y, _ = data(12, 30)
    top, residual = lazy.ridge_parts(F, Y, 0.0)
    assert (top - torch.linalg.pinv(F) @ Y).norm() < 1e-12 * top.norm()
    assert residual.norm() < 1e-12 * Y.norm()


@pytest.mark.parametrize("of_nodes", [True, False])
def test_ridge_parts_by_a_known_solver(of_nodes: bool) -> None:
    F, Y, _ = data(12, 15)
    gram = F.T @ F if of_nodes else F @ F.T
    inverse = torch.linalg.inv(gram + 0.3 * torch.eye(len(gram), dtype=F.dtype))
    top, residual = lazy.ridge_parts(F, Y, 0.3, (of_nodes, lambda right: inverse @ right))
    expected = lazy.ridge(F, Y, 0.3)
    assert (top - expected.top).norm() < 1e-12 * top.norm()
    assert (residual @ top.T - expected.gradient).norm() < 1e-11 * expected.gradient.norm()


def test_frozen_course_is_training_with_a_resting_hidden_layer() -> None:
    F, Y, V0 = data(12, 30)
    V = V0.clone().requires_grad_()
    reference = torch.optim.Adam([V], lr=0.01, weight_decay=0.05)
    expected = []
    for _ in range(41):
        leaf = F.clone().requires_grad_()
        loss = ((Y - leaf @ V) ** 2).sum() / 12
        gradient, V.grad = torch.autograd.grad(loss, (leaf, V))
        expected.append((6 * gradient).norm().item())
        reference.step()

    def advance(top: torch.Tensor, gradient: torch.Tensor, step: int) -> None:
        ours.copy_(top)
        ours.grad = gradient
        mirror.step()
        top.copy_(ours)

    for evaluate in (
        lazy.of_samples(F, lambda outputs: Y - outputs),
        lazy.of_nodes(F.T @ F, F.T @ Y, Y.T @ Y),
    ):
        ours = V0.clone()
        mirror = torch.optim.Adam([ours], lr=0.01, weight_decay=0.05)
        assert lazy.frozen_course(V0, evaluate, advance, 40, 12) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n", "K"), SIZES)
def test_rates_are_eigenvalues(n: int, K: int) -> None:
    F, _, _ = data(n, K)
    F = F - F.mean(dim=0)
    eigenvalues = torch.linalg.eigvalsh(F.T @ F)
    rates = lazy.convergence_rates(F, 0.3)
    assert rates.slowest == pytest.approx(eigenvalues[0].item() + 0.3)
    assert rates.coupled == pytest.approx(eigenvalues[max(0, K - n + 1)].item() + 0.3)
    assert (rates.slowest == 0.3) == (n <= K)


@pytest.mark.parametrize(("K", "order"), [(3, 0), (10, 0), (11, 1), (12, 1), (30, 1)])
def test_the_limit_is_of_order_eta_where_the_features_span_the_targets(K: int, order: int) -> None:
    F, Y, _ = data(12, K)
    F, Y = F - F.mean(dim=0), Y - Y.mean(dim=0)
    assert lazy.limit_order(F, Y) == order
    small = lazy.convergence_rates(F, 0.0).coupled * 1e-4
    ratio = lazy.ridge(F, Y, small).gradient.norm() / lazy.ridge(F, Y, 10 * small).gradient.norm()
    assert ratio.item() == pytest.approx(0.1**order, rel=0.02)
    assert lazy.limit_order(F, F @ torch.ones(K, 2, dtype=F.dtype)) == 1


@pytest.mark.parametrize("beta", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_slopes_by_differentiating_the_flow(beta: float, eta: float) -> None:
    F, Y, V = data(12, 7)

    def outer(time: float) -> torch.Tensor:
        top = V + time * (beta * F.T @ (Y - beta * F @ V) - eta * V)
        return (Y - beta * F @ top) @ top.T

    slope = (outer(0.01) - outer(-0.01)) / 0.02  # exact: quadratic in time
    predicted = lazy.initial_slope(F, Y, V, eta, beta)
    assert (predicted - beta * slope).norm() < 1e-10 * predicted.norm()
    assert ((lazy.printed_slope(F, Y, V, beta) - slope).norm() < 1e-10 * slope.norm()) == (eta == 0)


@pytest.mark.parametrize(("n", "K"), SIZES)
@pytest.mark.parametrize("beta", [0.3, 4.0])
def test_limits_with_an_output_scale(n: int, K: int, beta: float) -> None:
    F, Y, _ = data(n, K)
    scaled = lazy.ridge(beta * F, Y, 0.5)
    expected = beta * (Y - beta * F @ scaled.top) @ scaled.top.T
    assert (lazy.scaled_limit(F, Y, 0.5, beta) - expected).norm() < 1e-9 * expected.norm()
    assert (lazy.printed_limit(F, Y, 0.5, beta) - expected).norm() > 0.05 * expected.norm()


@pytest.mark.parametrize(("n", "K"), SIZES)
def test_the_whitened_gradient_is_the_ridge_gradient_and_that_of_the_least_objective(n: int, K: int) -> None:
    F, Y, _ = data(n, K)
    expected = lazy.ridge(F, Y, 0.5).gradient
    assert (lazy.whitened_gradient(F, Y, 0.5) - expected).norm() < 1e-9 * expected.norm()
    leaf = F.clone().requires_grad_()
    least = lazy.least_objective(leaf, Y, 0.5)
    (gradient,) = torch.autograd.grad(least, leaf)
    assert (gradient + expected).norm() < 1e-9 * expected.norm()
    top = lazy.ridge(F, Y, 0.5).top
    assert least.item() == pytest.approx((((Y - F @ top) ** 2).sum() + 0.5 * (top**2).sum()).item() / 2)


def test_a_node_climbs_its_part_of_the_least_objective() -> None:
    F, Y, _ = data(12, 8)
    own = F[:, 3].clone().requires_grad_()
    others = torch.cat([F[:, :3], F[:, 4:]], dim=1)
    energy = lazy.node_energy(others, own, Y, 0.5)
    (column,) = torch.autograd.grad(energy, own)
    drop = lazy.least_objective(others, Y, 0.5) - lazy.least_objective(F, Y, 0.5)
    assert energy.item() == pytest.approx(drop.item(), rel=1e-10)
    assert (column - lazy.ridge(F, Y, 0.5).gradient[:, 3]).norm() < 1e-10 * column.norm()


def test_factors_of_lemma_1() -> None:
    assert lazy.printed_factor(100, 20, 1.5, 3.0) == pytest.approx(3 / (153 * 33))
    assert lazy.wide_factor(100, 1.5, 3.0) == pytest.approx(3 / 153**2)


def test_the_velocity_of_a_node_sample_by_sample() -> None:
    generator = torch.Generator().manual_seed(2)
    X, W, Y = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((9, 4), (4, 3), (9, 5)))
    velocity = lazy.node_velocity(X, Y, W, torch.sin, torch.cos)
    for j in range(3):
        expected = torch.zeros(4, dtype=torch.float64)
        for i in range(9):
            for m in range(9):
                expected += torch.cos(X[i] @ W[:, j]) * (Y[i] @ Y[m]) * torch.sin(X[m] @ W[:, j]) * X[i]
        assert (velocity[:, j] - expected).norm() < 1e-12 * expected.norm()
