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
    ours = V0.clone()
    mirror = torch.optim.Adam([ours], lr=0.01, weight_decay=0.05)

    def advance(top: torch.Tensor, gradient: torch.Tensor, step: int) -> None:
        ours.copy_(top)
        ours.grad = gradient
        mirror.step()
        top.copy_(ours)

    norms = lazy.frozen_course(F, V0, lambda outputs: Y - outputs, advance, 40)
    assert norms == pytest.approx(expected, rel=1e-10)
