"""Trying things: an edited problem is what runs next, the launchpad's parameters are recorded, a branch leaves others alone."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_assets.orchestration import build_definitions
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import MAIN, Store, open_landing, open_store
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.dagster_dev import ROOT, DagsterDev, Run, dagster_dev
from ml_assets_tests.doubles.world import World, build

JANUARY, FEBRUARY = "2024-01", "2024-02"
PREPARED = ("dataset", "features", "split")

# ---------------------------------------------------------------- on a branch

BAD = {"params": {"shuffle_label": True}}
ANYTHING = umbrellas.with_gate_at_least(0.0)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> World:
    """January's model, a bad one, is champion; February is prepared and not trained. Not to be changed by tests."""
    world = build(tmp_path_factory.mktemp("prepared"), [ANYTHING])
    world.must_run(ANYTHING, JANUARY, (*PREPARED, "model", "evaluation", "champion"), config=BAD)
    world.must_run(ANYTHING, FEBRUARY, PREPARED)
    return world


@pytest.fixture
def on_main(prepared, tmp_path) -> World:
    """The same, to be changed."""
    return prepared.copied_to(tmp_path / "main", [ANYTHING])


@pytest.fixture
def idea(on_main) -> World:
    """The same on a branch of Ada's."""
    return on(on_main, "adas-idea")


def on(world: World, branch: str) -> World:
    store = world.store.on(branch)
    return dataclasses.replace(world, store=store, definitions=build_definitions([ANYTHING], store, world.landing))


def refs(store: Store, branch: str) -> dict[str, bytes | None]:
    return {key: store.backend.get(key) for key in store.backend.list(f"refs/{branch}")}


def champion(store: Store) -> str:
    return str(Ledger.of(store, ANYTHING, None).current().model)


def test_what_is_materialized_on_a_branch_is_seen_there_and_changes_nothing_for_others(on_main, idea):
    before, serving = refs(on_main.store, MAIN), champion(on_main.store)
    idea.must_run(ANYTHING, FEBRUARY, ["model", "evaluation"], config={"params": {"c": 0.25}})

    assert refs(on_main.store, MAIN) == before
    for others in (on_main.store, on_main.store.on("bobs-idea")):
        assert others.head("umbrellas/model", FEBRUARY) is None
        assert champion(others) == serving
    assert idea.manifest("umbrellas/model", FEBRUARY).branch == "adas-idea"
    assert idea.manifest("umbrellas/model", FEBRUARY).params["c"] == 0.25


def test_a_branch_reads_what_main_has_until_it_has_its_own(on_main, idea):
    idea.must_run(ANYTHING, FEBRUARY, ["model"])
    (split,) = [read.key for read in idea.manifest("umbrellas/model", FEBRUARY).inputs if read.name == "split"]
    assert split == on_main.head("umbrellas/split", FEBRUARY)

    idea.must_run(ANYTHING, FEBRUARY, ["split"], fresh=True)
    assert idea.head("umbrellas/split", FEBRUARY) != on_main.head("umbrellas/split", FEBRUARY) == split
    on_main.must_run(ANYTHING, FEBRUARY, ["model"])
    assert [read.key for read in on_main.manifest("umbrellas/model", FEBRUARY).inputs if read.name == "split"] == [
        split
    ]


def test_a_better_model_on_a_branch_moves_no_champion_until_it_is_asked_to_and_then_only_its_own(on_main, idea):
    serving, before = champion(on_main.store), refs(on_main.store, MAIN)
    idea.must_run(ANYTHING, FEBRUARY, ["model", "evaluation"])
    assert champion(idea.store) == serving

    idea.must_run(ANYTHING, FEBRUARY, ["champion"])
    assert champion(idea.store) == str(idea.head("umbrellas/model", FEBRUARY)) != serving
    assert refs(on_main.store, MAIN) == before
    for others in (on_main.store, on_main.store.on("bobs-idea")):
        assert champion(others) == serving


# ---------------------------------------------------------------- in `dagster dev`

CODE_LOCATION = """
from pathlib import Path
import ml_assets.problems
import team
ml_assets.problems.PROBLEMS, ml_assets.problems.BROKEN = ml_assets.problems.load("team", Path(team.__file__).parent)
from ml_assets.definitions import defs
"""
PROBLEM = """
from dataclasses import replace
from ml_assets_tests.doubles import umbrellas

PROBLEM = replace(umbrellas.PROBLEM, params=umbrellas.LogisticParams(c={c}), description="{description}")
"""
FIRST = PROBLEM.format(c=1.0, description="First words.")
BETTER = PROBLEM.format(c=0.5, description="Better words.")
SYNTAX_ERROR = "PROBLEM = replace(\n"
NEIGHBOUR = "from ml_assets_tests.doubles.ice_cream import PROBLEM\n"

RELOAD = """mutation { reloadRepositoryLocation(repositoryLocationName: "location") {
    ... on WorkspaceLocationEntry { loadStatus locationOrLoadError { __typename ... on PythonError { message } } }
    ... on PythonError { message } } }"""
ITEMS = """{ assetNodes { assetKey { path } description hasMaterializePermission configField { configType {
    ... on CompositeConfigType { fields { name defaultValueAsJson } } } } } }"""


@pytest.fixture(scope="module")
def dev(tmp_path_factory) -> Iterator[DagsterDev]:
    """A code location of two problems in files of their own, with nothing landed yet."""
    folder = tmp_path_factory.mktemp("team")
    (folder / "team").mkdir()
    (folder / "location.py").write_text(CODE_LOCATION)
    (folder / "team" / "__init__.py").touch()
    (folder / "team" / "ice_cream.py").write_text(NEIGHBOUR)
    write(folder, FIRST)
    path = os.pathsep.join([str(folder), str(ROOT)])
    with dagster_dev(folder, "location", PYTHONPATH=path) as running:
        yield running


def write(folder: Path, code: str) -> None:
    (folder / "team" / "umbrellas.py").write_text(code)


def edit(dev: DagsterDev, code: str) -> None:
    """Save the problem's file and click on Reload."""
    write(dev.folder, code)
    reloaded = dev.graphql(RELOAD)["reloadRepositoryLocation"]
    assert reloaded["locationOrLoadError"]["__typename"] == "RepositoryLocation", reloaded


def items(dev: DagsterDev) -> dict[str, Any]:
    return {"/".join(node["assetKey"]["path"]): node for node in dev.graphql(ITEMS)["assetNodes"]}


def offered(dev: DagsterDev) -> dict[str, Any]:
    """The params that the launchpad offers for the model, with their defaults."""
    fields = items(dev)["umbrellas/model"]["configField"]["configType"]["fields"]
    (params,) = [json.loads(field["defaultValueAsJson"]) for field in fields if field["name"] == "params"]
    return params


def launch(dev: DagsterDev, **params: Any) -> Any:
    """What the launchpad's button does with params of January's model: what Dagster answers."""
    return dev.launch("umbrellas", ["model"], JANUARY, {"umbrellas__model": {"config": {"params": params}}})


@pytest.mark.slow
def test_after_a_reload_the_ui_shows_the_edited_problem(dev):
    assert "First words." in items(dev)["umbrellas/dataset"]["description"]
    assert offered(dev) == {"c": 1.0, "shuffle_label": False}

    edit(dev, BETTER)

    assert "Better words." in items(dev)["umbrellas/dataset"]["description"]
    assert offered(dev) == {"c": 0.5, "shuffle_label": False}


@pytest.mark.slow
def test_a_syntax_error_is_one_broken_item_until_it_is_mended(dev):
    before = set(items(dev))

    edit(dev, SYNTAX_ERROR)
    shown = items(dev)
    assert set(shown) == {item for item in before if item.startswith("ice_cream/")} | {"umbrellas/definition"}
    assert "team/umbrellas.py:1: SyntaxError: '(' was never closed" in shown["umbrellas/definition"]["description"]

    edit(dev, FIRST)
    assert set(items(dev)) == before


def ended(dev: DagsterDev, month: str) -> list[Run]:
    return [run for run in dev.runs() if run.partition == month and run.ended]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_parameter_from_the_launchpad_trains_a_new_version_that_records_it_beside_the_one_before(dev):
    store, defaults = open_store(str(dev.folder / ".ml_assets/store")), offered(dev)
    landing = open_landing(str(dev.folder / ".ml_assets/landing"))
    landing.write(f"umbrellas/visits/{JANUARY}.parquet", umbrellas.visits(JANUARY))
    (made,) = dev.wait_for(lambda: ended(dev, JANUARY), "the landing sensor's run")
    assert made.succeeded
    by_default = store.head("umbrellas/model", JANUARY).target

    launched = launch(dev, c=0.25)
    by_hand = launched["run"]["runId"]
    (run,) = dev.wait_for(lambda: [run for run in ended(dev, JANUARY) if run.id == by_hand], "the launchpad's run")

    assert run.succeeded
    tried = store.head("umbrellas/model", JANUARY).target
    assert store.manifest(tried).params == {**defaults, "c": 0.25}
    assert store.manifest(tried).run == run.id
    assert [entry.target for entry in store.log("umbrellas/model", JANUARY)] == [by_default, tried]
    assert store.manifest(by_default).params == defaults
    assert store.verify(by_default) == []


@pytest.mark.slow
def test_a_parameter_that_there_is_none_of_is_refused_before_anything_runs(dev):
    refused = launch(dev, learning_rate=0.1)
    assert refused["__typename"] == "RunConfigValidationInvalid"
    assert 'Received unexpected config entry "learning_rate"' in refused["errors"][0]["message"]
