"""Small models in a store, exported, and asked from the folder alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml_assets.artifacts import trust_all
from ml_assets.exports import LIMITS, Exported, export
from ml_assets.problem import FeatureTable, Problem
from ml_assets.store import Store, open_store
from ml_assets_tests.doubles import parcels

Leave = Callable[..., Exported]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def leave(store: Store, tmp_path: Path) -> Leave:
    """Train, publish and export."""

    def leave(problem: Problem, table: FeatureTable, form: str, limit: Any = None) -> Exported:
        trust_all([problem])
        key = parcels.publish(store, problem, table)
        return export(store, problem, key, tmp_path / "out", form=form, limit=limit or LIMITS[form])

    return leave


def told(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "export.json").read_text(encoding="utf-8"))
