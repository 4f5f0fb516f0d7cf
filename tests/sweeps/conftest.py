"""A store with nothing in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from li2.sweeps.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "sweep", {"kind": "sweep", "name": "μ", "settings": {"lr": [0.1, 1e-3]}}) as made:
        yield made
