"""The version that is running."""

import hashlib
from functools import cache
from importlib.metadata import version as installed_version
from importlib.resources import files

TRAINING_PARTS = ("groups", "tasks", "models", "optim", "training", "diagnostics", "runs")
"""Parts of the package on which the results of a run depend."""


def version() -> str:
    """li2's version number."""
    return installed_version("li2")


@cache
def code_version() -> str:
    """Of all that results depend on: version, first digits of a SHA-256 of the code, and version of PyTorch.

    For example ``0.1.0+0123abcd (torch 2.13.0+cpu)``.
    """
    digest = hashlib.sha256()
    for part in TRAINING_PARTS:
        for file in sorted(files("li2").joinpath(part).iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                digest.update(f"{part}/{file.name}\0".encode() + file.read_bytes() + b"\0")
    return f"{version()}+{digest.hexdigest()[:8]} (torch {installed_version('torch')})"
