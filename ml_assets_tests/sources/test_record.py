"""What a database held is kept as a version; everything is made of that."""

from __future__ import annotations

import pandas as pd
import pytest

from ml_assets.computation.planner import Planner
from ml_assets.computation.reuse import given
from ml_assets_tests.doubles import tills, umbrellas
from ml_assets_tests.doubles.tills import CONNECTION, Tills
from ml_assets_tests.doubles.world import World, build

PROBLEM = tills.PROBLEM
JANUARY, FEBRUARY = "2024-01", "2024-02"


@pytest.fixture
def database(tmp_path, monkeypatch) -> Tills:
    database = Tills(tmp_path)
    monkeypatch.setenv(CONNECTION, database.url)
    for month in (JANUARY, FEBRUARY):
        database.put(month)
    return database


@pytest.fixture
def world(database, tmp_path) -> World:
    return build(tmp_path, [PROBLEM])


def states(world: World, problem=PROBLEM) -> dict[str, str]:
    planner = Planner(problem, world.store, world.landing, given(problem, problem.params, problem.seed))
    return {one.noun: one.state for one in planner.plan(["landing", "dataset"], [JANUARY])}


def test_the_chain_runs_on_what_the_query_gave_and_says_where_it_came_from(world):
    world.must_run(PROBLEM, JANUARY)
    landing = world.manifest("umbrellas/landing", JANUARY)
    assert landing.notes["rows"] == {"visits": 400}
    assert landing.notes["watermarks"] == {"source visits": "visits 400, changed 1"}
    assert "select visit" in str(landing.code["computation"]["settings"])
    (read,) = world.manifest("umbrellas/dataset", JANUARY).inputs
    assert read.key == world.head("umbrellas/landing", JANUARY)
    wanted = umbrellas.visits(JANUARY)
    pd.testing.assert_frame_equal(world.load("umbrellas/dataset", JANUARY), wanted)
    assert world.head("umbrellas/model", JANUARY)
