"""The chain of a problem month by shop: every shop is a line of its own through time, in the store and in Dagster."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ml_assets.computation.planner import Planner
from ml_assets.computation.reuse import given
from ml_assets.lineage.champions import champions
from ml_assets.lineage.reference import resolve
from ml_assets.problem import Problem
from ml_assets.promotion.by_hand import promote_by_hand, rollback_target
from ml_assets.promotion.ledger import Ledger
from ml_assets_tests.doubles import parasols
from ml_assets_tests.doubles.chain import IN_TIME
from ml_assets_tests.doubles.world import World, build

MONTHS = ("2024-01", "2024-02", "2024-03")
BOTH = pytest.mark.parametrize("problem", [parasols.PROBLEM, parasols.VALUE_FIRST], ids=["time first", "value first"])


def keys(problem: Problem) -> list[str]:
    """Three months of both shops."""
    return problem.partitions.keys()[:6]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory) -> dict[str, World]:
    """Both ways to write keys, everything made, a partition at a time in the order of the keys."""
    found = {}
    for problem in (parasols.PROBLEM, parasols.VALUE_FIRST):
        world = build(tmp_path_factory.mktemp("grid"), [problem])
        for month in MONTHS:
            parasols.land(world.landing, month)
        for key in keys(problem):
            world.must_run(problem, key)
        found[problem.partitions.by] = world
    return found


@pytest.fixture
def world(worlds, problem) -> World:
    """To be looked at."""
    return worlds[problem.partitions.by]


@pytest.fixture
def own(worlds, tmp_path) -> World:
    """A copy of the first, to change."""
    return worlds["shop"].copied_to(tmp_path / "own", [parasols.PROBLEM])


@BOTH
def test_every_asset_of_every_partition_is_made(world, problem):
    for key in keys(problem):
        for noun in IN_TIME:
            assert world.head(f"parasols/{noun}", key).partition == key


@BOTH
def test_a_dataset_is_what_its_own_part_of_the_months_file_says(world, problem):
    for key in keys(problem):
        at, shop = problem.partitions.parts(key)
        (file,) = world.manifest("parasols/dataset", key).landed
        assert file.name == f"parasols/visits/{at}.parquet"
        assert set(world.load("parasols/dataset", key)["shop"]) == {shop}


@BOTH
def test_windows_lookbacks_and_champions_never_leave_their_shop(world, problem):
    for key in keys(problem):
        for noun in IN_TIME:
            read = {i.key.partition for i in world.manifest(f"parasols/{noun}", key).inputs}
            assert {problem.partitions.line(each) for each in read} <= {problem.partitions.line(key)}


@BOTH
def test_a_split_is_made_from_its_window_oldest_first(world, problem):
    for key in keys(problem):
        read = [i.key.partition for i in world.manifest("parasols/split", key).inputs]
        assert read == problem.partitions.window(key, 3)


@BOTH
def test_each_shop_has_a_ledger_of_its_own(world, problem):
    ledgers = {
        shop: Ledger.of(world.store, problem, problem.partitions.key("2024-01", shop)) for shop in parasols.SHOPS
    }
    for shop, ledger in ledgers.items():
        assert ledger.line == shop
        assert ledger.moves()[0].as_of == problem.partitions.key("2024-01", shop)
        assert {problem.partitions.line(move.model.partition) for move in ledger.moves()} == {shop}
    assert list(champions(world.store, "parasols").moves) == sorted(parasols.SHOPS)
    assert Ledger(world.store, "parasols", None).moves() == []


@BOTH
def test_predictions_are_by_the_champion_of_the_same_shop_known_before_the_month(world, problem):
    for key in keys(problem):
        champion = Ledger.of(world.store, problem, key).champion(before=key)
        read = [i.key for i in world.manifest("parasols/predictions", key).inputs if i.name == "champion"]
        assert read == ([champion.model] if champion else [])
        assert (champion is None) == (problem.partitions.previous(key) is None)


@BOTH
def test_a_plan_says_that_everything_is_there(world, problem):
    gives = given(problem, problem.params, problem.seed)
    plan = Planner(problem, world.store, world.landing, gives).plan(IN_TIME, keys(problem))
    assert {one.state for one in plan} == {"current"}


def test_a_run_of_what_is_there_uses_it_again(own):
    result = own.must_run(parasols.PROBLEM, "2024-02|west")
    whys = {
        e.asset_key.path[-1]: e.materialization.metadata["reuse"].text
        for e in result.get_asset_materialization_events()
    }
    assert set(whys) == set(IN_TIME)
    assert all(why.startswith("reused ") for why in whys.values()), whys


def test_a_rollback_of_one_shop_leaves_the_other_alone(own):
    east, west = (Ledger.of(own.store, parasols.PROBLEM, f"2024-03|{shop}") for shop in ("east", "west"))
    model = own.head("parasols/model", "2024-02|east")
    promote_by_hand(own.store, parasols.PROBLEM, east, model, kind="promotion", why="a test")
    before = west.moves()
    first = rollback_target(east, None)
    move, trial = promote_by_hand(own.store, parasols.PROBLEM, east, first, kind="rollback", why="a test")

    assert trial.features == own.head("parasols/features", "2024-03|east"), "the newest of its own shop"
    assert (move.model, move.as_of) == (first, "2024-03|east")
    assert east.current().model == first
    assert west.moves() == before


def test_a_plan_after_a_new_champion_of_one_shop_changes_nothing_of_the_other(own):
    ledger = Ledger.of(own.store, parasols.PROBLEM, "2024-02|east")
    model = own.head("parasols/model", "2024-01|east")
    other = own.head("parasols/model", "2024-03|east")
    promote_by_hand(own.store, parasols.PROBLEM, ledger, other, kind="promotion", why="a test")
    ledger.enter(model, kind="decision", after=ledger.moves(), as_of="2024-02|east", why="a test")
    problem = parasols.PROBLEM
    plan = Planner(problem, own.store, own.landing, given(problem, problem.params, 0)).plan(["champion"], keys(problem))
    assert {one.partition for one in plan if one.state == "current"} >= {"2024-01|west", "2024-02|west", "2024-03|west"}


def test_who_is_decided_first_is_open_for_later_months_of_its_own_shop_alone(own):
    for noun in ("evaluation", "champion", "predictions"):
        own.must_run(parasols.PROBLEM, "2024-01|east", [noun])
    edited = replace(parasols.PROBLEM, gates=())
    plan = Planner(edited, own.store, own.landing, given(edited, edited.params, 0)).plan(["predictions"], keys(edited))
    assert {one.state for one in plan} == {"current"}, "predictions read no gates"
    plan = Planner(edited, own.store, own.landing, given(edited, edited.params, 0)).plan(
        ["evaluation", "champion", "predictions"], ["2024-01|east", "2024-02|east", "2024-02|west"]
    )
    of = {(one.noun, one.partition): one for one in plan}
    assert of["predictions", "2024-02|east"].state == "open"
    assert of["predictions", "2024-02|east"].why == "after the champion of 2024-01|east"


def test_people_name_versions_by_their_keys_and_champions_by_their_shop(own):
    assert resolve(own.store, "parasols/model@2024-02|west") == own.head("parasols/model", "2024-02|west")
    ledger = Ledger(own.store, "parasols", "west")
    assert resolve(own.store, "parasols/champion@west") == ledger.current().model
    assert resolve(own.store, "parasols/champion@2024-01|west") == own.head("parasols/champion", "2024-01|west")
