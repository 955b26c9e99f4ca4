"""The plan: what it says of each partition, and that a run then does exactly that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import ml_assets
from ml_assets.computation import recipe
from ml_assets.computation.planner import Planned, Planner
from ml_assets.computation.reuse import given
from ml_assets.orchestration import build_definitions
from ml_assets.orchestration.metadata import REUSE
from ml_assets.store import Store
from ml_assets_tests.conftest import BEACH, MONTHS, PROBLEMS
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.backends import Wrapped
from ml_assets_tests.doubles.chain import CHAIN
from ml_assets_tests.doubles.world import World

PROBLEM = PROBLEMS[0]
FIRST, SECOND, THIRD = MONTHS
Plan = dict[tuple[str, str], Planned]


def plan(
    store: Store, months: Iterable[str] = MONTHS, nouns: Iterable[str] = CHAIN, problem: Any = PROBLEM, **how: Any
) -> Plan:
    params = replace(problem.params, **how.pop("params", {}))
    planner = Planner(problem, store, ml_assets.open_landing(), given(problem, params, problem.seed), **how)
    return {(one.noun, one.partition): one for one in planner.plan(nouns, list(months))}


def states(found: Plan, month: str) -> str:
    """``d f s m e c r p`` of a month by the first letter of their states, in the order of the chain."""
    return " ".join(found[noun, month].state for noun in CHAIN if (noun, month) in found)


def land(month: str, **how: Any) -> None:
    ml_assets.open_landing().write(f"umbrellas/visits/{month}.parquet", umbrellas.visits(month, **how))


def lose(store: Store, asset: str, month: str) -> None:
    entry = store.head(asset, month)
    assert entry is not None
    file = max(store.manifest(entry.target).content.files, key=lambda file: file.size)
    (path,) = Path(store.url.removeprefix("file://")).glob(f"blobs/*/{file.digest}*")
    path.unlink()


def test_what_is_there_is_current_and_says_how_long_it_had_taken(shared):
    found = plan(shared)

    assert [(noun, month) for noun, month in found] == [(noun, month) for month in MONTHS for noun in CHAIN]
    for (noun, month), one in found.items():
        head = shared.head(f"umbrellas/{noun}", month)
        assert (one.state, one.version) == ("current", head.target)
        assert one.why.startswith(f"reused {head.target.short}, made by run ")
        assert one.saved_seconds == shared.manifest(head.target).resources["wall_seconds"] > 0
        assert not one.takes_a_step


class NoBlobs(Wrapped):
    """Values may be looked for, and are never read; nothing is written."""

    def get(self, key: str, most: int | None = None) -> bytes | None:
        assert not key.startswith("blobs/")
        return super().get(key, most)

    def stream(self, key: str) -> Any:
        raise AssertionError(key)

    def put_new(self, key: str, data: bytes) -> bool:
        raise AssertionError(key)


def test_a_plan_reads_no_value_and_writes_nothing(shared):
    watched = Store(NoBlobs(shared.backend), user="ada")
    assert {one.state for one in plan(watched).values()} == {"current"}
    assert {one.state for one in plan(watched, params={"c": 0.5}).values()} == {"current", "compute", "open"}


def test_the_code_of_an_asset_is_looked_at_once_for_all_partitions(shared):
    recipe._code.cache_clear()

    plan(shared)

    assert recipe._code.cache_info().misses == len(CHAIN)


def test_a_corrected_month_concerns_what_is_made_from_it_and_nothing_else(own):
    land(SECOND, rows=420)
    found = plan(own)

    assert states(found, FIRST) == " ".join(["current"] * len(CHAIN))
    assert states(found, SECOND) == "compute open open open open open open open"
    assert states(found, THIRD) == "current open open open open open open open"
    assert "landed umbrellas/visits/2024-02.parquet " in found["dataset", SECOND].why
    assert found["features", THIRD].why == "after umbrellas/dataset@2024-02, which is computed first"


def test_other_parameters_concern_the_models_and_what_follows_them(own):
    found = plan(own, params={"c": 0.5})

    assert states(found, FIRST) == "current current current compute open open open current"
    assert states(found, SECOND) == "current current current compute open open open open"
    assert found["model", FIRST].why == "computed: params.c 1.0 -> 0.5"
    assert found["predictions", SECOND].why == f"after the champion of {FIRST}"


def test_what_was_lost_is_computed_and_what_follows_waits_for_it(own):
    lose(own, "umbrellas/model", SECOND)
    found = plan(own)

    assert states(found, FIRST) == " ".join(["current"] * len(CHAIN))
    assert states(found, SECOND) == "current current current compute open open open current"
    assert found["model", SECOND].why.endswith(" are gone")
    assert found["champion", THIRD].state == found["predictions", THIRD].state == "open"
    assert found["model", THIRD].state == "current"


def test_another_month_is_the_first_of_its_partition(shared):
    found = plan(shared, ["2024-04"])

    assert states(found, "2024-04") == "compute open open open open open open open"
    assert found["dataset", "2024-04"].why == "computed: the first of this partition"


def test_what_is_made_from_nothing_says_what_to_make_first(shared):
    found = plan(shared, ["2024-04"], ["model", "evaluation"])

    assert found["model", "2024-04"].state == "missing"
    assert found["model", "2024-04"].why == "umbrellas/split@2024-04 was never made: make it first"


def test_inputs_that_are_not_in_the_plan_are_what_the_branch_names(own):
    land(SECOND, rows=420)

    assert {one.state for one in plan(own, nouns=["features", "split"]).values()} == {"current"}
    assert plan(own, [THIRD])["features", THIRD].state == "current"


def test_all_is_computed_afresh_where_that_is_asked(shared):
    assert {one.state for one in plan(shared, is_fresh=True).values()} == {"compute"}


def test_a_branch_is_planned_from_what_is_shared(shared):
    assert {one.state for one in plan(shared.on("idea")).values()} == {"current"}


def test_partitions_without_order_are_planned_each_by_itself(shared):
    found = plan(shared, ice_cream.BEACHES, problem=ice_cream.PROBLEM)
    other = next(beach for beach in ice_cream.BEACHES if beach != BEACH)

    assert states(found, BEACH) == " ".join(["current"] * len(CHAIN))
    assert states(found, other) == "compute open open open open open open open"


def test_where_each_partition_has_its_own_champion_predictions_wait_for_its_decision(shared):
    found = plan(shared, [BEACH], problem=ice_cream.PROBLEM, params={"ridge": 5.0})

    assert states(found, BEACH) == "current current current compute open open open open"
    assert found["predictions", BEACH].why == f"after the champion of {BEACH}"


# ---------------------------------------------------------------- and then the run


def nothing(store: Store) -> None:
    """As it is."""


def correct_the_second_month(store: Store) -> None:
    land(SECOND, rows=420)


def lose_a_model(store: Store) -> None:
    lose(store, "umbrellas/model", SECOND)


def lose_features(store: Store) -> None:
    lose(store, "umbrellas/features", FIRST)


def land_without_labels(store: Store) -> None:
    data = umbrellas.visits(THIRD).assign(bought=float("nan"))
    ml_assets.open_landing().write(f"umbrellas/visits/{THIRD}.parquet", data)


@pytest.mark.parametrize(
    ("change", "params"),
    [
        (nothing, {"c": 0.5}),
        (correct_the_second_month, {"c": 0.5}),
        (lose_a_model, {}),
        (lose_features, {}),
        (land_without_labels, {}),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value or ""),
)
def test_the_run_does_what_the_plan_said(own, tmp_path, change: Callable[[Store], None], params: dict[str, Any]):
    change(own)
    planned = plan(own, params=params)

    done = run(own, tmp_path, params)

    for place, one in planned.items():
        if one.state in ("current", "reuse"):
            assert done[place].startswith("reused"), place
        elif one.state == "compute":
            assert done[place] == one.why
    assert {one.state for place, one in planned.items() if place not in done} <= {"open", "nothing"}
    again = plan(own, params=params)
    assert {one.state for one in again.values()} <= {"current", "nothing"}
    assert {place for place, one in again.items() if one.state == "nothing"} == planned.keys() - done.keys()


def run(store: Store, folder: Path, params: dict[str, Any]) -> dict[tuple[str, str], str]:
    landing = ml_assets.open_landing()
    instance = dg.DagsterInstance.ephemeral(tempdir=str(folder / "instance"))
    world = World(store, landing, instance, build_definitions([PROBLEM], store, landing))
    config = {"params": asdict(replace(PROBLEM.params, **params))}
    said = {}
    for month in MONTHS:
        for event in world.must_run(PROBLEM, month, config=config).get_asset_materialization_events():
            materialization = event.step_materialization_data.materialization
            said[materialization.asset_key.path[-1], month] = str(materialization.metadata[REUSE].value)
    return said
