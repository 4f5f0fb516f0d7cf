# %% [markdown]
# # A first run
#
# Train a small network on addition mod 23, look at its stages, and take the trained network along.
# Run this file as it is, or cell by cell in an editor that knows `# %%`.

# %%
import tempfile
from pathlib import Path

import torch

import li2

# %% [markdown]
# A specification says everything about a run. Keys that are not given have the defaults of figure 3 of the paper;
# `li2 show-config` explains each.

# %%
spec = li2.RunSpec(group="cyclic:23", width=256, train_fraction=0.8, lr=0.005, weight_decay=5e-5, epochs=400)
result = li2.run(spec, out=Path(tempfile.mkdtemp()) / "run")
print(result.status, "after", result.outcome.epochs, "epochs")

# %% [markdown]
# The stages, each with the rule and the figures that placed it, or why it was not seen.

# %%
for stage in result.stages:
    print(f"{stage.name:12} {stage.first_epoch}  {stage.evidence}")

# %% [markdown]
# The metrics are a DataFrame with a row per epoch, the diagnosis one with a row per diagnosed epoch.

# %%
print(result.metrics.iloc[::50][["epoch", "train_accuracy", "test_accuracy", "gradient_norm"]])
print(result.diagnosis[["epoch", "alignment", "unit_energy_median", "purity_median", "irreps_covered"]])

# %% [markdown]
# Which features did it learn? Nodes with at least 0.9 of their mass in one irrep (here: one frequency).

# %%
last = result.nodes[result.nodes["epoch"] == result.nodes["epoch"].max()]
features = last[last["purity"] >= 0.9]
print(features.groupby("irrep", sort=False)["unit_energy"].agg(["count", "mean"]))

# %% [markdown]
# The network itself, as a PyTorch module: it adds.

# %%
network = result.to_torch()
a, b = 17, 19
print(f"{a} + {b} mod 23 =", network(torch.tensor([[a, b]])).argmax().item())

# %% [markdown]
# Everything lies in the run's directory; `li2.load` reads it again, and `li2.resume` goes on.

# %%
again = li2.load(result.run_dir)
longer = li2.resume(result.run_dir, {"epochs": 500})
print(again.report, longer.outcome.epochs)
