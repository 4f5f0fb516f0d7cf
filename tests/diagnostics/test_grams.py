"""Estimates of Gram figures beside exact ones, and the linear algebra below them."""

import math

import pytest
import torch

from li2.diagnostics import Snapshot, grams, ridge_gram
from li2.diagnostics.grams import gram_figures
from problems import small_problem, small_weights


@pytest.mark.parametrize("size", [1, 7, 16, 33])
def test_products_and_inverses_by_blocks(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge_gram, "BLOCK", 8)
    values = torch.randn(40, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    product = ridge_gram.symmetric_product(values)
    assert (product - values.T @ values).abs().max() < 1e-13
    factor = torch.linalg.cholesky(product + torch.eye(size, dtype=torch.float64))
    inverse = ridge_gram.triangular_inverse(factor)
    assert (inverse @ factor - torch.eye(size, dtype=torch.float64)).abs().max() < 1e-12
    assert inverse.triu(1).count_nonzero() == 0


@pytest.mark.parametrize("width", [40, 300])
def test_what_is_drawn_estimates_what_is_exact(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, weights = small_problem(order=19, n=200, decay=0.02), small_weights(width=width, order=19)
    exact = gram_figures(Snapshot.of(problem, weights))
    monkeypatch.setattr(grams, "COLUMNS", 45)
    monkeypatch.setattr(grams, "NODES", 100)
    drawn = gram_figures(Snapshot.of(problem, weights))
    assert drawn == gram_figures(Snapshot.of(problem, weights))
    assert drawn["sample_offdiagonal"] != exact["sample_offdiagonal"]
    assert drawn["sample_offdiagonal"] == pytest.approx(exact["sample_offdiagonal"], rel=0.05)
    assert drawn["node_offdiagonal"] == pytest.approx(exact["node_offdiagonal"], rel=0.05)
    assert drawn["repelling_share"] == pytest.approx(exact["repelling_share"], abs=4 * 0.5 / 100**0.5)
    assert drawn["repulsion_strongest"] <= exact["repulsion_strongest"] + 1e-12
    assert drawn["repulsion_weakest"] >= exact["repulsion_weakest"] - 1e-12


@pytest.mark.parametrize("size", [30, 1100])
def test_features_that_are_zero_have_no_ratio(size: int) -> None:
    zeros = torch.zeros(size, 5)
    assert math.isnan(grams._offdiagonal(zeros, zeros))
