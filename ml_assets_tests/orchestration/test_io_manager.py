"""What an asset receives, and which version of it."""

from __future__ import annotations

import dataclasses

import dagster as dg
import pandas as pd
import pytest

from ml_assets.orchestration import build_definitions
from ml_assets.orchestration.io_manager import IO_MANAGER
from ml_assets.store import Handle, Store
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.backends import Interrupted
from ml_assets_tests.doubles.world import World

MONTH = "2024-01"


def with_asset(world: World, asset: dg.AssetsDefinition) -> World:
    """The world with an asset of a user's own beside the problem's."""
    return dataclasses.replace(world, definitions=dg.Definitions.merge(world.definitions, dg.Definitions([asset])))


def months() -> dg.PartitionsDefinition:
    return dg.MonthlyPartitionsDefinition("2024-01", end_date="2024-07", fmt="%Y-%m")


def users_asset(make, mapping: dg.PartitionMapping | None = None) -> dg.AssetsDefinition:
    ins = {"data": dg.AssetIn(["umbrellas", "dataset"], partition_mapping=mapping)}
    return dg.asset(key=["umbrellas", "mine"], partitions_def=months(), ins=ins, io_manager_key=IO_MANAGER)(make)


def test_a_value_is_handed_out_where_the_annotation_is_its_type(world):
    def mine(data: pd.DataFrame) -> dict:
        return {"rows": len(data)}

    mixed = with_asset(world, users_asset(mine))
    mixed.must_run(umbrellas.PROBLEM, MONTH, ["dataset", "mine"])
    assert mixed.load("umbrellas/mine", MONTH) == {"rows": 400}
    (read,) = mixed.manifest("umbrellas/mine", MONTH).inputs
    assert read.key == mixed.head("umbrellas/dataset", MONTH)


def test_a_handle_is_lazy_and_knows_its_exact_version(world):
    seen = []

    def mine(data: Handle) -> dict:
        seen.append(data)
        return {"params": dict(data.manifest.params)}

    mixed = with_asset(world, users_asset(mine))
    mixed.must_run(umbrellas.PROBLEM, MONTH, ["dataset", "mine"])
    (handle,) = seen
    assert handle.key == mixed.head("umbrellas/dataset", MONTH)
    assert len(handle.load()) == 400


def test_a_window_is_a_dict_also_when_it_has_one_partition(world):
    def mine(data: dict[str, Handle]) -> list:
        return list(data)

    mixed = with_asset(world, users_asset(mine, dg.TimeWindowPartitionMapping(start_offset=-2)))
    for month, window in (("2024-01", ["2024-01"]), ("2024-02", ["2024-01", "2024-02"])):
        mixed.must_run(umbrellas.PROBLEM, month, ["dataset", "mine"])
        assert mixed.load("umbrellas/mine", month) == window


def test_a_window_annotated_as_one_value_says_how_to_annotate_it(world):
    def mine(data: pd.DataFrame) -> dict:
        return {}

    mixed = with_asset(world, users_asset(mine, dg.TimeWindowPartitionMapping(start_offset=-2)))
    for month in ("2024-01", "2024-02"):
        result = mixed.run(umbrellas.PROBLEM, month, ["dataset", "mine"])
    (failure,) = result.get_step_failure_events()
    assert "covers 2 partitions" in failure.step_failure_data.error.cause.message
    assert "Annotate it dict[str, Handle]" in failure.step_failure_data.error.cause.message


def test_an_input_that_was_never_made_says_how_to_make_it(world):
    result = world.run(umbrellas.PROBLEM, "2024-03", ["features"])
    (failure,) = result.get_step_failure_events()
    message = failure.step_failure_data.error.cause.message
    assert "umbrellas/dataset [2024-02] has no published version on branch main" in message
    assert "ml-assets run umbrellas/dataset --partition 2024-02" in message


def test_two_runs_at_once_never_mix(world):
    """Run B lands other data and publishes everything while run A is between its features and its split."""
    world.must_run(umbrellas.PROBLEM, MONTH)
    others: list[str] = []

    def run_b() -> None:
        world.landing.write(f"umbrellas/visits/{MONTH}.parquet", umbrellas.visits(MONTH, rows=300))
        others.append(world.must_run(umbrellas.PROBLEM, MONTH).run_id)

    world.landing.write(f"umbrellas/visits/{MONTH}.parquet", umbrellas.visits(MONTH, rows=350))
    interrupted = Interrupted(world.store.backend, f"refs/main/umbrellas/features/{MONTH}", run_b)
    store = Store(interrupted, user="bob")
    run_a = dataclasses.replace(
        world, store=store, definitions=build_definitions([umbrellas.PROBLEM], store, world.landing)
    ).must_run(umbrellas.PROBLEM, MONTH)

    assert len(others) == 1
    for run, rows in ((run_a.run_id, 350), (others[0], 300)):
        made = {noun: made_by(world, run, noun) for noun in ("dataset", "features", "split", "model", "evaluation")}
        assert len(world.store.load(made["features"])) == rows
        assert [read.key for read in world.store.manifest(made["split"]).inputs] == [made["features"]]
        for noun in ("model", "evaluation"):
            assert {read.key for read in world.store.manifest(made[noun]).inputs if read.name == "features"} == {
                made["features"]
            }
        assert all(world.store.verify(key) == [] for key in made.values()), "both versions are whole"


def made_by(world: World, run: str, noun: str):
    key = world.store.made_by_run(run, f"umbrellas/{noun}", MONTH)
    assert key is not None
    return key


def test_a_run_that_is_executed_again_reads_what_it_made_before(world):
    """The first attempt fails in training; meanwhile somebody publishes other features; the retry keeps its own."""

    def fails(data, params, run):
        raise RuntimeError("out of memory")

    broken = world.with_problems([dataclasses.replace(umbrellas.PROBLEM, train=fails)])
    first = broken.run(umbrellas.PROBLEM, MONTH)
    assert not first.success
    own = made_by(world, first.run_id, "split")
    world.landing.write(f"umbrellas/visits/{MONTH}.parquet", umbrellas.visits(MONTH, rows=300))
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset", "features", "split"])
    assert world.head("umbrellas/split", MONTH) != own

    job = world.definitions.resolve_implicit_global_asset_job_def()
    again = job.get_subset(asset_selection={dg.AssetKey(["umbrellas", noun]) for noun in ("split", "model")})
    run = world.instance.create_run_for_job(
        again,
        tags={"dagster/partition": MONTH},
        asset_selection=frozenset({dg.AssetKey(["umbrellas", "model"])}),
        parent_run_id=first.run_id,
        root_run_id=first.run_id,
    )
    from dagster._core.execution.api import execute_run

    subset = job.get_subset(asset_selection={dg.AssetKey(["umbrellas", "model"])})
    assert execute_run(dg._core.definitions.job_base.InMemoryJob(subset), run, world.instance).success
    assert {read.key for read in world.manifest("umbrellas/model", MONTH).inputs if read.name == "split"} == {own}


def test_values_load_outside_of_a_run(finished):
    table = finished.definitions.load_asset_value(
        dg.AssetKey(["umbrellas", "features"]), instance=finished.instance, partition_key="2024-02"
    )
    assert len(table) == 400


@pytest.mark.parametrize("noun", ["dataset", "features", "split", "model", "evaluation", "champion", "predictions"])
def test_every_version_of_a_finished_month_is_whole(finished, noun):
    assert finished.store.verify(finished.head(f"umbrellas/{noun}", "2024-03")) == []
