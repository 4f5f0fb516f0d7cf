"""Tables for figures against plain NumPy: FFTs, dense one-hot energies, and runs' own training pairs."""

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save

from li2.errors import Li2Error
from li2.models import complex_nodes, initial_weights, named_device
from li2.reproduce.computations import ascents, landscape_ends, landscape_slices, spectra
from li2.runs.setup import Setup
from li2.specs import RunSpec

M = 7


def dense(spec: RunSpec) -> tuple[np.ndarray, np.ndarray]:
    """X and Y − 1/M of a run's training pairs."""
    rows, labels = Setup.of(spec).problem.train.rows.numpy(), Setup.of(spec).problem.train.labels.numpy()
    X = np.eye(2 * M)[rows].sum(axis=1)
    return X, np.eye(M)[labels] - 1 / M


def energy(X: np.ndarray, targets: np.ndarray, W: np.ndarray) -> np.ndarray:
    return (np.abs(targets.T @ (X @ W) ** 2) ** 2).sum(axis=0) / 2


def test_ascents_are_those_of_torch_on_the_pairs_of_runs() -> None:
    given: dict[str, Any] = {"group": "cyclic:7", "train_fraction": 0.8}
    X, targets = (torch.from_numpy(part) for part in dense(RunSpec(**given, seed=3)))
    W = torch.randn(9, 2 * M, generator=torch.Generator().manual_seed(3), dtype=torch.float64).T
    start = W / W.norm(dim=0)
    W = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([W], lr=0.03, eps=1e-12, maximize=True)
    for _ in range(20):
        optimizer.zero_grad()
        (((targets.T @ (X @ W) ** 2) ** 2).sum() / 2).backward()
        optimizer.step()
        W.data /= W.data.norm(dim=0)
    both = ascents(**given, lrs=[0.003, 0.03], nodes=9, steps=20, seeds=[2, 3])
    assert len(both) == 36
    table = both[both["seed"] == 3]
    assert table["ratio"].iloc[0] == pytest.approx(39 / 49)
    own = table[table["lr"] == 0.03]
    assert np.allclose(own["start_energy"], energy(X.numpy(), targets.numpy(), start.numpy()))
    assert np.allclose(own["energy"], energy(X.numpy(), targets.numpy(), W.detach().numpy()))
    power = (np.abs(np.fft.fft(W.detach().numpy().reshape(2, M, 9), axis=1)) ** 2).sum(axis=0)[1:4]
    assert np.allclose(own["purity"], power.max(axis=0) / power.sum(axis=0))
    assert ascents(**given, lrs=[0.03], nodes=9, steps=20, seeds=[3]).equals(own.reset_index(drop=True))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "either train_fraction or train_size"),
        ({"train_size": 9, "lrs": [0.0]}, "learning rates above 0"),
        ({"train_size": 99}, "leaves the test set empty|between 1 and 49"),
    ],
)
def test_impossible_ascents(values: dict[str, Any], message: str) -> None:
    with pytest.raises(Li2Error, match=message):
        ascents(**{"group": "cyclic:7", "lrs": [0.1], "nodes": 2, "steps": 1, **values})


@pytest.mark.parametrize("weights", ["real", "complex"])
def test_spectra_are_those_of_an_fft(weights: str) -> None:
    spec = RunSpec(group="cyclic:7", width=5, weights=weights, train_fraction=0.5, dtype="float64")
    own = initial_weights(spec, 2, M, named_device("cpu"))
    table = spectra(save(own.named()), spec)
    W = (complex_nodes(own.W) if weights == "complex" else own.W).numpy()
    power = (np.abs(np.fft.fft(W.reshape(2, M, 5), axis=1)) ** 2).sum(axis=0)[1:]
    if weights == "real":
        power = power[:3] + power[:2:-1]
    shares = table["share"].to_numpy().reshape(5, -1)
    expected = (power / power.sum(axis=0)).T
    # a character and its conjugate may change places: frequencies are known up to the sign of i
    assert np.allclose(np.sort(shares), np.sort(expected))
    assert np.allclose(shares, expected) or np.allclose(shares[:, ::-1], expected) or weights == "complex"
    by_node = table.groupby("node").first()
    assert np.allclose(by_node["purity"], shares.max(axis=1))
    largest = table.loc[table.groupby("node")["share"].idxmax()]
    assert largest["irrep"].tolist() == largest["main_irrep"].tolist()
    X, targets = dense(spec)
    assert np.allclose(by_node["energy"], energy(X, targets, W))
    assert np.allclose(by_node["unit_energy"], energy(X, targets, W / np.linalg.norm(W, axis=0)))
    assert np.allclose(by_node["norm"], np.linalg.norm(W, axis=0))


def test_spectra_of_wrong_weights() -> None:
    spec = RunSpec(group="cyclic:7", width=5)
    own = initial_weights(spec, 2, M, named_device("cpu"))
    with pytest.raises(Li2Error, match="which has W"):
        spectra(save(own.named()), spec.with_changes(width=6))
    with pytest.raises(Li2Error, match="cannot be read"):
        spectra(b"nothing", spec)


def test_slices_go_through_both_maxima() -> None:
    given: dict[str, Any] = {"group": "cyclic:11", "train_fraction": 0.2, "starts": 30, "seed": 0}
    ends = landscape_ends(**given)
    table = landscape_slices(**given, side=15)
    kinds = ends.groupby("case")["kind"].value_counts().unstack(fill_value=0)
    assert kinds.loc["all pairs", "generalising"] == 30
    assert kinds.loc["too few pairs", "memorising"] > 15
    assert ends.groupby("case")["n"].first().to_dict() == {"linear": 24, "all pairs": 121, "too few pairs": 24}
    marks = table[table["mark"].isin(["generalising", "memorising"])].set_index(["case", "mark"])
    assert np.allclose(marks["y"], 0)
    assert marks.loc[("all pairs", "generalising"), "energy"] == pytest.approx(11 / 4)
    few = ends[(ends["case"] == "too few pairs") & (ends["kind"] == "memorising")]
    assert marks.loc[("too few pairs", "memorising"), "energy"] == pytest.approx(few["energy"].max())
    circle = table[(table["mark"] == "circle") & (table["case"] == "all pairs")]
    assert circle["energy"].max() == pytest.approx(11 / 4)
    assert circle["energy"].iloc[0] == pytest.approx(11 / 4)
    linear = table[(table["case"] == "linear") & (table["mark"] == "circle")]  # quadratic: two waves per turn
    waves = np.abs(np.fft.rfft(linear["energy"].to_numpy()[:-1]))
    assert np.delete(waves, [0, 2]).max() < 1e-9 * waves[0]
    grid = table[(table["mark"] == "") & (table["case"] == "linear")]
    assert (grid["x"] ** 2 + grid["y"] ** 2 <= 1).all()
    with pytest.raises(Li2Error, match="no ascent ended memorising on few pairs"):
        landscape_slices(**{**given, "train_fraction": 0.97})
