"""What others do, lose or land while a step computes: what is remembered is what was really read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd
import pytest

from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Entry, VersionKey
from ml_assets.store.backends.listing import LAST
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.backends import Wrapped
from ml_assets_tests.doubles.world import World, build
from ml_assets_tests.orchestration.emitted import BEACH, PROBLEM, said

MODEL = f"{PROBLEM.name}/model"
BUT_PREDICTIONS = ("dataset", "features", "split", "model", "evaluation", "champion", "report")


@dataclass
class Interrupted(Wrapped):
    """Somebody does something right after the ledger was looked at for the n-th time."""

    do: Callable[[], object] = lambda: None
    looks_left: int = 0

    def entries(self, folder: str, after: str = "", until: str = LAST, most: int | None = None) -> dict[str, Entry]:
        found = super().entries(folder, after, until, most)
        if "ledger" in folder:
            self.looks_left -= 1
            if self.looks_left == 0:
                self.do()
        return found


def two_models(folder) -> tuple[World, VersionKey, VersionKey]:
    """A world with a champion, and a worse model that could be one."""
    world = build(folder, [PROBLEM])
    world.must_run(PROBLEM, BEACH, BUT_PREDICTIONS)
    champion = world.head(MODEL, BEACH)
    world.must_run(PROBLEM, BEACH, ["model"], config={"params": {"ridge": 1e9}})
    return world, champion, world.head(MODEL, BEACH)


def put_by_hand(world: World, model: VersionKey) -> None:
    ledger = Ledger.of(world.store, PROBLEM, BEACH)
    ledger.enter(model, kind="promotion", after=ledger.moves(), as_of=BEACH, why="by hand")


@pytest.mark.parametrize("looks", [1, 2])
def test_predictions_are_remembered_by_the_champion_that_made_them(tmp_path, looks: int):
    world, champion, other = two_models(tmp_path)
    plain = world.store.backend
    world.store.backend = Interrupted(plain, lambda: put_by_hand(replace_backend(world, plain), other), looks)
    world = world.with_problems([PROBLEM])
    world.must_run(PROBLEM, BEACH, ["predictions"])
    world = replace_backend(world, plain)

    for model in (other, champion):
        put_by_hand(world, model)
        world.must_run(PROBLEM, BEACH, ["predictions"])
        assert world.manifest(f"{PROBLEM.name}/predictions", BEACH).notes["model"] == str(model)


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_a_decision_is_remembered_by_the_champion_that_it_was_made_against(tmp_path, looks: int):
    world, champion, other = two_models(tmp_path)
    world.must_run(PROBLEM, BEACH, ["evaluation"], config={"params": {"ridge": 1e9}})
    plain = world.store.backend
    world.store.backend = Interrupted(plain, lambda: put_by_hand(replace_backend(world, plain), other), looks)
    world = world.with_problems([PROBLEM])
    world.must_run(PROBLEM, BEACH, ["champion"])
    world = replace_backend(world, plain)

    for model in (other, champion):
        put_by_hand(world, model)
        world.must_run(PROBLEM, BEACH, ["champion"])
        assert world.load(f"{PROBLEM.name}/champion", BEACH)["champion_before"] == str(model)


def replace_backend(world: World, backend) -> World:
    store = world.store.on(world.store.branch)
    store.backend = backend
    return replace(world, store=store).with_problems([PROBLEM])


def test_what_is_remembered_and_unreadable_fails_no_step_that_has_computed_the_same(tmp_path):
    world = build(tmp_path, [PROBLEM])
    world.must_run(PROBLEM, BEACH, ["dataset"])
    first = world.head(f"{PROBLEM.name}/dataset", BEACH)
    for key in world.store.backend.list("traces"):
        world.store.backend.delete(key)
    world.store.backend.delete(f"versions/{first.asset}/{BEACH.replace('/', '%2F')}/{first.version}.json")

    world.must_run(PROBLEM, BEACH, ["dataset"])

    assert world.head(f"{PROBLEM.name}/dataset", BEACH) != first
    sentence = said(world.must_run(PROBLEM, BEACH, ["dataset"]))["dataset"]
    assert sentence == f"computed: {first.short} was the same, but its manifest cannot be read (UnknownVersion)"
    assert said(world.must_run(PROBLEM, BEACH, ["dataset"]))["dataset"].startswith("reused")


def test_afresh_a_wait_is_doubted_too(tmp_path):
    problem, month = umbrellas.PROBLEM, "2024-01"
    world = build(tmp_path, [problem])
    world.must_run(problem, month, ["dataset", "features", "split"])
    keys = world.store.backend.list("computations")
    (key,) = [key for key in keys if b'"umbrellas/split"' in (world.store.backend.get(key) or b"")]
    world.store.remember(key.removeprefix("computations/").removesuffix(".json"), "no outcome is known", replace=True)
    assert said(world.must_run(problem, month, ["split"])) == {}

    sentence = said(world.must_run(problem, month, ["split"], fresh=True))["split"]

    assert sentence == "computed afresh, as asked, although there was nothing: no outcome is known"
    assert said(world.must_run(problem, month, ["split"]))["split"].startswith("reused")


def test_a_dataset_that_reads_nothing_that_landed_is_computed_each_time_and_says_why(tmp_path):
    problem = replace(PROBLEM, dataset=from_elsewhere)
    world = build(tmp_path, [problem])
    world.must_run(problem, BEACH, ["dataset"])

    sentence = said(world.must_run(problem, BEACH, ["dataset"]))["dataset"]

    assert sentence == "computed: only computing tells which landed files it reads, if any"


def from_elsewhere(partition, source) -> pd.DataFrame:
    return ice_cream.sales(BEACH)
