"""A fresh world per test, or one for all where nothing is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets_tests.conftest import made_once
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.world import World, build, reopened
from ml_assets_tests.orchestration import emitted


@pytest.fixture
def world(tmp_path) -> World:
    return build(tmp_path)


@pytest.fixture(scope="session")
def finished(made) -> World:
    """Three months of umbrellas, made through to predictions. Not to be changed by tests."""
    return reopened(made)


@pytest.fixture(scope="session")
def january_made(tmp_path_factory) -> World:
    """The first month of umbrellas, made through to predictions. Not to be changed by tests."""
    return reopened(made_once("january", _make_january, tmp_path_factory))


@pytest.fixture
def january(january_made, tmp_path) -> World:
    """The same, to be changed."""
    return january_made.copied_to(tmp_path / "january", (umbrellas.PROBLEM, ice_cream.PROBLEM))


def _make_january(folder: Path) -> None:
    world = build(folder)
    world.must_run(umbrellas.PROBLEM, "2024-01")
    world.keep()
    world.instance.dispose()


@pytest.fixture(scope="session")
def one_beach_made(tmp_path_factory) -> World:
    """One beach, made through to predictions. Not to be changed by tests."""
    return reopened(made_once("one_beach", _make_one_beach, tmp_path_factory), [emitted.PROBLEM])


@pytest.fixture
def one_beach(one_beach_made, tmp_path) -> World:
    """The same, to be changed."""
    return one_beach_made.copied_to(tmp_path / "one_beach", [emitted.PROBLEM])


def _make_one_beach(folder: Path) -> None:
    world = build(folder, [emitted.PROBLEM])
    world.must_run(emitted.PROBLEM, emitted.BEACH)
    world.keep()
    world.instance.dispose()
