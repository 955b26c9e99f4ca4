from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets_tests.doubles.preloaded import Preloaded, preloaded
from ml_assets_tests.orchestration.cluster.place import Place, place_in


@pytest.fixture(scope="session")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preloaded]:
    with preloaded(tmp_path_factory.mktemp("forked")) as forked:
        yield forked


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Its pods are forked where a test does not ask for ``IN_NEW_INTERPRETERS``."""
    start = getattr(request, "param", None) or request.getfixturevalue("forked").start
    with place_in(tmp_path, start) as place:
        for name, value in place.environment.items():
            monkeypatch.setenv(name, value)
        yield place
