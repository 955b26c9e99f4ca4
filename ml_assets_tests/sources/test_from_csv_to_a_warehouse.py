"""The same data by and by from a CSV file, from PostgreSQL with a late correction, and from another team's asset: one model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import pandas as pd
import pyarrow as pa
import pytest
from adbc_driver_postgresql import dbapi

from ml_assets.orchestration import mergeable_definitions
from ml_assets.orchestration.following import Asked, look
from ml_assets.orchestration.intake import Intake
from ml_assets.problem import Files, Partition, Problem, Source, Sql, Upstream
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.postgres import postgres
from ml_assets_tests.doubles.world import QUIET, World, build

URL = "WAREHOUSE_URL"
JANUARY, NOW = "2024-01", datetime(2024, 2, 2, tzinfo=UTC)
IN_MONTH = "from visits where at >= :start and at < :end"
COLUMNS = ["visit", "at", "clouds", "shop", "bought"]


def load(partition: Partition, source: Source) -> pd.DataFrame:
    return source.table("visits")[COLUMNS]


def reading(source: Files | Sql | Upstream) -> Problem:
    return replace(umbrellas.PROBLEM, dataset=load, files=(), sources={"visits": source})


FROM_CSV = reading(Files("visits/{partition}.csv"))
FROM_SQL = reading(
    Sql(f"select * {IN_MONTH} order by random()", connection=URL, watermark=f"select count(*), max(changed) {IN_MONTH}")
)
FROM_ASSET = reading(Upstream("visits"))


@dg.asset(name="visits", partitions_def=dg.MonthlyPartitionsDefinition("2024-01", end_date="2024-07", fmt="%Y-%m"))
def staged(context) -> pd.DataFrame:
    return umbrellas.visits(context.partition_key)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as running:
        url = f"postgresql://dagster:{running.password}@127.0.0.1:{running.port}/postgres"
        with closing(dbapi.connect(url, autocommit=True)) as connection, closing(connection.cursor()) as cursor:
            table = pa.Table.from_pandas(umbrellas.visits(JANUARY).assign(changed=1), preserve_index=False)
            cursor.adbc_ingest("visits", table, mode="create")
        yield url


@pytest.fixture
def world(tmp_path, server, monkeypatch) -> World:
    monkeypatch.setenv(URL, server)
    world = build(tmp_path, [FROM_CSV])
    text = umbrellas.visits(JANUARY).to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    world.landing.write(f"umbrellas/visits/{JANUARY}.csv", text.encode())
    return world


def run(world: World, problem: Problem) -> dict[str, str]:
    """The chain of the problem, and the asset that it reads; what assets of ours hold."""
    ours = mergeable_definitions([problem], world.store, world.landing)
    merged = dg.Definitions.merge(ours, dg.Definitions([staged], resources={"io_manager": dg.mem_io_manager}))
    job = merged.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(partition_key=JANUARY, instance=world.instance, run_config=QUIET).success
    return {noun: world.manifest(f"umbrellas/{noun}", JANUARY).content.digest for noun in ("dataset", "model")}


def test_one_model_wherever_the_rows_come_from_and_another_when_they_are_corrected(world, server):
    csv, asset, sql = run(world, FROM_CSV), run(world, FROM_ASSET), run(world, FROM_SQL)
    assert sql == asset == csv

    intake = Intake(FROM_SQL, world.store, world.landing)
    quiet = look(intake, Asked(), world.instance, NOW)
    assert quiet.run_requests == []
    with closing(dbapi.connect(server, autocommit=True)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("update visits set bought = 1 - bought, changed = 2 where visit = '2024-01-00300'")
    (request,) = look(intake, Asked.of(quiet.cursor), world.instance, NOW).run_requests
    assert request.partition_key == JANUARY
    assert run(world, FROM_SQL)["dataset"] != csv["dataset"]
    assert "source visits" in world.manifest("umbrellas/landing", JANUARY).code["why"]
