"""A fresh world per test, or one for all where nothing is changed."""

from __future__ import annotations

import pytest

from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.world import World, build


@pytest.fixture
def world(tmp_path) -> World:
    return build(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> World:
    """Three months of umbrellas, made through to predictions. Not to be changed by tests."""
    world = build(tmp_path_factory.mktemp("world"))
    for month in umbrellas.PROBLEM.partitions.keys()[:3]:
        world.must_run(umbrellas.PROBLEM, month)
    return world
