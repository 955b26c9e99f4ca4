"""An asset is declared once: from one more line in the chain, everything that knows of assets knows of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import dagster as dg
import pytest

from ml_assets import assets
from ml_assets.assets import Role
from ml_assets.computation.chain import chain_of, inputs_of, named
from ml_assets.computation.planner import Planner
from ml_assets.computation.reuse import given
from ml_assets.errors import InvalidProblem
from ml_assets.lineage.lineage import lineage
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.store import open_store
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.chain import IN_TIME
from ml_assets_tests.doubles.tally import TALLY
from ml_assets_tests.doubles.world import World, build
from ml_assets_tests.pages.conftest import site

PROBLEM = umbrellas.PROBLEM
JANUARY, FEBRUARY = "2024-01", "2024-02"
KEY = dg.AssetKey(["umbrellas", "tally"])


@pytest.fixture(scope="module", autouse=True)
def one_more() -> Iterator[None]:
    """Problems have one asset more."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(assets, "CHAIN", (*assets.CHAIN, TALLY))
        yield


@pytest.fixture
def world(tmp_path) -> World:
    return build(tmp_path, [PROBLEM])


@pytest.fixture(scope="module")
def counted(tmp_path_factory) -> World:
    """Two months of it. Not to be changed by tests."""
    counted = build(tmp_path_factory.mktemp("counted"), [PROBLEM])
    for month in (JANUARY, FEBRUARY):
        counted.must_run(PROBLEM, month)
    return counted


def states(world: World) -> dict[tuple[str, str], str]:
    planner = Planner(PROBLEM, world.store, world.landing, given(PROBLEM, PROBLEM.params, PROBLEM.seed))
    return {(one.noun, one.partition): one.state for one in planner.plan(chain_of(PROBLEM), [JANUARY, FEBRUARY])}


def test_commands_select_it_and_what_it_is_made_from(world):
    assert chain_of(PROBLEM) == (*IN_TIME, "tally")
    assert inputs_of(PROBLEM, "tally", FEBRUARY) == [
        ("umbrellas/dataset", JANUARY),
        ("umbrellas/dataset", FEBRUARY),
        ("umbrellas/predictions", FEBRUARY),
    ]
    assert named("umbrellas/predictions+") == {"umbrellas": ["predictions", "failures", "monitoring", "tally"]}
    assert "split" in named("+umbrellas/tally")["umbrellas"]


def test_the_ui_shows_it_with_its_inputs_windows_and_checks(world):
    node = world.definitions.resolve_asset_graph().get(KEY)
    assert {key.path[-1] for key in node.parent_keys} == {"dataset", "predictions"}
    assert node.partition_mappings[dg.AssetKey(["umbrellas", "dataset"])] == dg.TimeWindowPartitionMapping(
        start_offset=-1, end_offset=0
    )
    assert {check.name for check in node.check_keys} == {"counted"}
    assert node.description == "How many rows of `umbrellas` landed, this time and the time before."
    assert node.automation_condition is not None, "it follows what it is made from"
    assert node.kinds == {"json"}


def test_an_asset_that_no_problem_has_is_refused_by_name():
    with pytest.raises(InvalidProblem, match=r"No problem has an asset 'mine'.*dataset, features"):
        assets.declared("mine")


def test_a_plan_has_it_and_a_run_makes_it_once(world, counted, tmp_path):
    assert states(world)["tally", JANUARY] == "open", "its predictions are computed first"
    world = counted.copied_to(tmp_path / "copy", [PROBLEM])
    assert world.load("umbrellas/tally", FEBRUARY) == {
        "rows": {JANUARY: 400, FEBRUARY: 400},
        "predicted": 400,
        "label": "bought",
    }
    assert states(world)["tally", FEBRUARY] == "current"
    before = world.head("umbrellas/tally", FEBRUARY)
    world.must_run(PROBLEM, FEBRUARY, ["tally"])
    assert world.head("umbrellas/tally", FEBRUARY) == before


def test_its_lineage_is_known_in_both_directions_and_the_pages_lead_to_it(counted):
    tally, dataset = (counted.head(f"umbrellas/{noun}", JANUARY) for noun in ("tally", "dataset"))
    assert str(dataset) in str(lineage(counted.store, tally))
    assert str(tally) in str(lineage(counted.store, dataset, down=True))
    page = site(counted.store, [PROBLEM])("/problem/umbrellas").text
    assert "tally" in page


def test_it_is_reproduced_from_its_manifest_and_what_it_uses_of_the_problem_is_recorded(counted, tmp_path):
    key = counted.head("umbrellas/tally", FEBRUARY)
    made = rebuild(counted.store.backend, counted.landing, key, tmp_path / "again")
    again = open_store(str(tmp_path / "again")).manifest(made)
    assert again.content.digest == counted.store.manifest(key).content.digest
    assert again.code["computation"] == counted.store.manifest(key).code["computation"]
    assert again.code["computation"]["settings"]["label"] == "bought"


def test_each_role_is_that_of_one_asset():
    roles = [asset.role for asset in assets.CHAIN if asset.role is not None]
    assert sorted(roles) == sorted(get_args(Role))
