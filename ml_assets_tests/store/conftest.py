"""The places a store can live in. One contract, every place; Ceph and Azurite where they are installed."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from ml_assets.store import Store, open_store
from ml_assets_tests.doubles.azurite import CONTAINER
from ml_assets_tests.doubles.s3 import BUCKET, SERVERS, create_bucket

PLACES = ["memory", "local", *SERVERS, pytest.param("azurite", marks=pytest.mark.slow)]


@pytest.fixture(params=PLACES)
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a place where no store is yet."""
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}"
    if request.param == "local":
        return str(tmp_path / "a store" / "här")
    environment: dict[str, str] = request.getfixturevalue(request.param)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if request.param == "azurite":
        return f"az://{CONTAINER}/prefix/{uuid.uuid4().hex}"
    create_bucket(environment)
    return f"s3://{BUCKET}/prefix/{uuid.uuid4().hex}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A local store, for what does not depend on the place."""
    return open_store(str(tmp_path / "store"), user="ada")
