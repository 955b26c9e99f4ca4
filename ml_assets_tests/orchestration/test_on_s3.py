"""The whole chain with its store and its landing folder on a real HTTP server: of S3, and of Azure where one is installed."""

from __future__ import annotations

import dataclasses
import uuid

import pytest

from ml_assets.orchestration import build_definitions
from ml_assets.store import open_landing, open_store
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.azurite import CONTAINER
from ml_assets_tests.doubles.s3 import BUCKET, SERVERS, create_bucket
from ml_assets_tests.doubles.world import build, land_all


@pytest.mark.parametrize("server", [*SERVERS, pytest.param("azurite", marks=pytest.mark.slow)])
def test_the_chain_runs_with_everything_on_a_server(server, request, tmp_path, monkeypatch):
    for name, value in request.getfixturevalue(server).items():
        monkeypatch.setenv(name, value)
    if server == "azurite":
        place = f"az://{CONTAINER}/{uuid.uuid4().hex}"
    else:
        create_bucket(request.getfixturevalue(server))
        place = f"s3://{BUCKET}/{uuid.uuid4().hex}"
    store, landing = open_store(f"{place}/store"), open_landing(f"{place}/landing")
    land_all(landing)
    world = dataclasses.replace(
        build(tmp_path),
        store=store,
        landing=landing,
        definitions=build_definitions([umbrellas.PROBLEM], store, landing),
    )
    for month in ("2024-01", "2024-02"):
        world.must_run(umbrellas.PROBLEM, month)
    assert len(world.load("umbrellas/predictions", "2024-02")) == 400
    assert all(store.verify(key) == [] for key in store.versions("umbrellas/model"))
