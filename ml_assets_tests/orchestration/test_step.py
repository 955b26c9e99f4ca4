"""Reuse, not skip: what a run emits, reads and writes when the results are there, and when it may not trust them."""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np

from ml_assets.computation.chain import CHAIN
from ml_assets.orchestration import build_definitions
from ml_assets.orchestration.metadata import REUSE, VERSION
from ml_assets.orchestration.step import FRESH_TAG
from ml_assets.problem import Problem
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Store
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.backends import Wrapped
from ml_assets_tests.doubles.daemon import Daemon
from ml_assets_tests.doubles.world import World, build

PROBLEM, BEACH = ice_cream.PROBLEM, ice_cream.BEACHES[0]
TOGETHER = threading.Barrier(2, timeout=60)


@dataclass
class Noted(Wrapped):
    """Notes what is read and written, by the first part of its key."""

    read: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def get(self, key: str) -> bytes | None:
        self.read.append(key.split("/", maxsplit=1)[0])
        return super().get(key)

    def stream(self, key: str) -> Iterator[bytes] | None:
        self.read.append(key.split("/", maxsplit=1)[0])
        return super().stream(key)

    def put_new(self, key: str, data: bytes) -> bool:
        created = super().put_new(key, data)
        self.written += [key.split("/", maxsplit=1)[0]] if created else []
        return created

    def put_file(self, key: str, path: Path) -> None:
        self.written.append(key.split("/", maxsplit=1)[0])
        super().put_file(key, path)


def one_beach(folder: Path, problem: Problem = PROBLEM) -> World:
    """A world in which the chain of one beach was made once."""
    world = build(folder, [problem])
    world.must_run(problem, BEACH)
    return world


def on_branch(world: World, branch: str) -> World:
    store = world.store.on(branch)
    return replace(world, store=store, definitions=build_definitions([PROBLEM], store, world.landing))


def afresh(world: World, problem: Problem, *nouns: str) -> dict[str, str]:
    result = world.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=world.instance,
        partition_key=BEACH,
        asset_selection=[dg.AssetKey([problem.name, noun]) for noun in nouns],
        tags={FRESH_TAG: "true"},
    )
    return said(result)


def shown(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """The metadata of each asset's materialization."""
    events = result.get_asset_materialization_events()
    assert len({event.asset_key for event in events}) == len(events)
    return {
        event.asset_key.path[-1]: dict(event.step_materialization_data.materialization.metadata) for event in events
    }


def said(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    return {noun: metadata[REUSE].value for noun, metadata in shown(result).items()}


def data_versions(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    return {
        event.asset_key.path[-1]: event.step_materialization_data.materialization.tags["dagster/data_version"]
        for event in result.get_asset_materialization_events()
    }


def checks(result: dg.ExecuteInProcessResult) -> set[tuple[Any, ...]]:
    return {
        (e.asset_key, e.check_name, e.partition, e.passed, e.severity, e.description)
        for e in result.get_asset_check_evaluations()
    }


def blob_of(world: World, noun: str) -> Path:
    """The largest file of what the branch names."""
    file = max(world.manifest(f"{PROBLEM.name}/{noun}", BEACH).content.files, key=lambda file: file.size)
    (path,) = Path(world.store.url.removeprefix("file://")).glob(f"blobs/*/{file.digest}*")
    return path


# ---------------------------------------------------------------- nothing changed


def test_what_is_there_is_emitted_again_the_same_and_nothing_is_loaded_or_written(tmp_path):
    world = build(tmp_path, [PROBLEM])
    backend = Noted(world.store.backend)
    world.store.backend = backend
    world = world.with_problems([PROBLEM])
    first = world.must_run(PROBLEM, BEACH)
    heads = {noun: world.head(f"{PROBLEM.name}/{noun}", BEACH) for noun in CHAIN}
    assert {"blobs", "versions", "computations"} <= {*backend.written}
    backend.read.clear()
    backend.written.clear()

    again = world.must_run(PROBLEM, BEACH)

    assert "blobs" not in backend.read
    assert {*backend.written} <= {"runs"}
    assert data_versions(again) == data_versions(first)
    assert checks(again) == checks(first)
    assert heads == {noun: world.head(f"{PROBLEM.name}/{noun}", BEACH) for noun in CHAIN}


def test_what_people_saw_of_it_is_shown_again_figures_included_with_the_reason(tmp_path):
    world = build(tmp_path, [PROBLEM])
    first, again = shown(world.must_run(PROBLEM, BEACH)), shown(world.must_run(PROBLEM, BEACH))

    assert "figures" in again["evaluation"]
    for noun in CHAIN:
        assert again[noun].keys() == first[noun].keys()
        assert {k: v for k, v in again[noun].items() if k != REUSE} == {
            k: v for k, v in first[noun].items() if k != REUSE
        }
        assert first[noun][REUSE].value == "computed: the first of this partition"
        version = world.head(f"{PROBLEM.name}/{noun}", BEACH).short
        assert again[noun][REUSE].value.startswith(f"reused {version}, made by run ")
        assert " on main by ada, saved " in again[noun][REUSE].value


def test_the_log_of_a_run_says_what_it_reused_and_how_long_that_had_taken(tmp_path):
    world = one_beach(tmp_path)
    run = world.must_run(PROBLEM, BEACH).run_id

    (key,) = [key for key in world.store.backend.list(f"runs/{run}") if "/evaluation/" in key]
    entry = json.loads(world.store.backend.get(key) or b"")
    took = world.manifest(f"{PROBLEM.name}/evaluation", BEACH).resources["wall_seconds"]
    assert entry["details"] == {"reused": True, "saved_seconds": took}


def test_an_instance_that_never_saw_a_version_shows_what_its_manifest_tells(tmp_path):
    world = one_beach(tmp_path)
    world.instance = dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "another"))

    metadata = shown(world.must_run(PROBLEM, BEACH))["evaluation"]

    assert {VERSION, REUSE, "mae/value", "rows_judged"} <= metadata.keys()
    assert "figures" not in metadata
    assert metadata[REUSE].value.startswith("reused ")


def test_automation_asks_for_nothing_after_all_is_materialized_again(tmp_path):
    world = build(tmp_path, [PROBLEM])
    daemon = Daemon(world, PROBLEM)
    world.must_run(PROBLEM, BEACH)
    daemon.settle()

    assert all(sentence.startswith("reused") for sentence in said(world.must_run(PROBLEM, BEACH)).values())
    assert daemon.settle() == []


# ---------------------------------------------------------------- what is not whole


def test_what_was_lost_is_computed_says_so_and_is_whole_afterwards(tmp_path):
    world = one_beach(tmp_path)
    version = world.head(f"{PROBLEM.name}/model", BEACH)
    blob_of(world, "model").unlink()

    sentences = said(world.must_run(PROBLEM, BEACH))

    assert sentences["model"].startswith(f"computed: {version.short} was the same, but the bytes of its ")
    assert sentences["model"].endswith(" are gone")
    assert_all_is_whole_and_reused(world)


def test_what_was_changed_is_computed_says_so_and_is_whole_afterwards(tmp_path):
    world = one_beach(tmp_path)
    blob = blob_of(world, "features")
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")

    sentences = said(world.must_run(PROBLEM, BEACH))

    assert sentences["features"].endswith(" were changed")
    assert_all_is_whole_and_reused(world)


def test_a_manifest_that_was_lost_is_made_again(tmp_path):
    world = one_beach(tmp_path)
    version = world.head(f"{PROBLEM.name}/evaluation", BEACH)
    (path,) = Path(world.store.url.removeprefix("file://")).glob(f"versions/**/{version.version}.json")
    path.unlink()
    world = replace(world, store=Store(world.store.backend, user="ada")).with_problems([PROBLEM])

    sentences = said(world.must_run(PROBLEM, BEACH, ["evaluation"]))

    assert sentences["evaluation"] == (
        f"computed: {version.short} was the same, but its manifest cannot be read (UnknownVersion)"
    )
    assert said(world.must_run(PROBLEM, BEACH, ["evaluation"]))["evaluation"].startswith("reused")


def assert_all_is_whole_and_reused(world: World) -> None:
    for noun in CHAIN:
        assert world.store.verify(world.head(f"{PROBLEM.name}/{noun}", BEACH)) == []
    assert all(sentence.startswith("reused") for sentence in said(world.must_run(PROBLEM, BEACH)).values())


# ---------------------------------------------------------------- asked to compute


def test_afresh_what_repeats_itself_is_said_to_be_the_same(tmp_path):
    world = one_beach(tmp_path)
    before = world.head(f"{PROBLEM.name}/model", BEACH)

    sentences = afresh(world, PROBLEM, "features", "model")

    assert sentences["model"] == f"computed afresh, as asked: the same as {before.short}"
    assert sentences["features"].startswith("computed afresh, as asked: the same as ")


def unseeded(data, params, run):
    return ice_cream.Line(float(np.random.default_rng().normal()), 0.0)


def test_afresh_what_does_not_repeat_itself_is_said_not_to(tmp_path):
    problem = replace(PROBLEM, train=unseeded)
    world = build(tmp_path, [problem])
    world.must_run(problem, BEACH, ["dataset", "features", "split", "model"])
    before = world.head(f"{problem.name}/model", BEACH)

    sentence = afresh(world, problem, "model")["model"]

    assert sentence.startswith(
        f"computed afresh, as asked: not the same as {before.short}, which was made of the same."
    )
    assert "look for chance without a seed" in sentence
    newest = world.head(f"{problem.name}/model", BEACH)
    assert newest != before
    assert said(world.must_run(problem, BEACH, ["model"]))["model"].startswith(f"reused {newest.short}")


# ---------------------------------------------------------------- branches, colleagues


def test_two_branches_train_once(tmp_path):
    world = one_beach(tmp_path)
    idea = on_branch(world, "idea")

    sentences = said(idea.must_run(PROBLEM, BEACH))

    assert all(sentence.startswith("reused") for sentence in sentences.values())
    assert len(world.store.versions(f"{PROBLEM.name}/model", BEACH)) == 1
    assert idea.head(f"{PROBLEM.name}/model", BEACH) == world.head(f"{PROBLEM.name}/model", BEACH)


def test_a_branch_that_has_no_champion_yet_decides_for_itself_and_trains_nothing(tmp_path):
    world = on_branch(build(tmp_path, [PROBLEM]), "ada")
    world.must_run(PROBLEM, BEACH)
    bob = on_branch(world, "bob")

    sentences = said(bob.must_run(PROBLEM, BEACH))

    assert {noun for noun, sentence in sentences.items() if not sentence.startswith("reused")} <= {
        "champion",
        "predictions",
    }
    assert not sentences["champion"].startswith("reused")
    for branch in ("ada", "bob"):
        (move,) = ledger(world.store.on(branch)).moves()
        assert (move.branch, move.model) == (branch, world.head(f"{PROBLEM.name}/model", BEACH))
    assert ledger(world.store.on("main")).moves() == []


def test_a_decision_to_keep_the_champion_is_reused_on_a_branch(tmp_path):
    world = one_beach(tmp_path)
    worse = {"params": {"ridge": 1e9}}
    world.must_run(PROBLEM, BEACH, ["model", "evaluation", "champion"], config=worse)
    idea = on_branch(world, "idea")

    sentences = said(idea.must_run(PROBLEM, BEACH, ["model", "evaluation", "champion"], config=worse))

    assert {sentence.split()[0] for sentence in sentences.values()} == {"reused"}
    assert len(ledger(idea.store).moves()) == len(ledger(world.store).moves()) == 1


def ledger(store: Store) -> Ledger:
    return Ledger.of(store, PROBLEM, BEACH)


def train_together(data, params, run):
    TOGETHER.wait()
    return ice_cream.train(data, params, run)


def test_two_runs_that_compute_the_same_at_once_both_succeed_and_agree_on_one_version(tmp_path):
    problem = replace(PROBLEM, train=train_together)
    world = build(tmp_path, [problem])
    world.must_run(problem, BEACH, ["dataset", "features", "split"])
    others = dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "other"))
    worlds = [world, replace(world, instance=others).with_problems([problem])]

    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda one: one.must_run(problem, BEACH, ["model"]), worlds))

    first, second = (shown(run)["model"] for run in runs)
    assert data_versions(runs[0]) == data_versions(runs[1])
    assert first[VERSION] == second[VERSION]
    head = world.head(f"{problem.name}/model", BEACH)
    assert first[VERSION].value == head.short
    assert said(world.must_run(problem, BEACH, ["model"]))["model"].startswith(f"reused {head.short}")


# ---------------------------------------------------------------- what is not remembered


def test_what_was_refused_is_computed_and_refused_again(tmp_path):
    world = build(tmp_path, [PROBLEM])
    world.landing.write(f"{PROBLEM.name}/{BEACH}.parquet", ice_cream.sales(BEACH, days=5))
    for _ in range(2):
        assert not world.run(PROBLEM, BEACH, ["dataset"]).success
        assert world.store.head(f"{PROBLEM.name}/dataset", BEACH) is None
    world.landing.write(f"{PROBLEM.name}/{BEACH}.parquet", ice_cream.sales(BEACH))

    assert said(world.must_run(PROBLEM, BEACH, ["dataset"]))["dataset"] == "computed: the first of this partition"


def test_a_wait_for_labels_is_remembered_until_they_land(tmp_path):
    problem, month = umbrellas.PROBLEM, "2024-01"
    world = build(tmp_path, [problem])
    backend = Noted(world.store.backend)
    world.store.backend = backend
    world = world.with_problems([problem])
    name = f"umbrellas/visits/{month}.parquet"
    world.landing.write(name, umbrellas.visits(month).assign(bought=float("nan")))
    assert "split" not in said(world.must_run(problem, month, ["dataset", "features", "split"]))
    backend.read.clear()

    assert said(world.must_run(problem, month, ["split"])) == {}
    assert "blobs" not in backend.read, "it was not asked again"

    world.landing.write(name, umbrellas.visits(month))
    sentences = said(world.must_run(problem, month, ["dataset", "features", "split"]))
    assert sentences["split"] == "computed: the first of this partition"


def test_a_function_with_a_table_in_its_memory_is_computed_each_time_and_says_why(tmp_path):
    known = ice_cream.sales(BEACH)

    def load(partition, source):
        return known

    problem = replace(PROBLEM, dataset=load)
    world = build(tmp_path, [problem])
    for _ in range(2):
        sentence = said(world.must_run(problem, BEACH, ["dataset"]))["dataset"]
        assert sentence.startswith("computed, not remembered: ")
        assert "known" in sentence


def test_what_was_edited_while_this_process_runs_is_not_remembered_and_says_so(tmp_path, monkeypatch):
    text = "from ml_assets_tests.doubles.ice_cream import Line\ndef train(data, params, run): return Line(4.0, 10.0)\n"
    (tmp_path / "edited_meanwhile.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    problem = replace(PROBLEM, train=importlib.import_module("edited_meanwhile").train)
    world = build(tmp_path, [problem])

    sentences = said(world.must_run(problem, BEACH, ["dataset", "features", "split", "model"]))

    assert sentences["model"] == "computed, not remembered: edited_meanwhile.py was edited while this was running."
    assert "computation" not in world.manifest(f"{problem.name}/model", BEACH).code
    again = said(world.must_run(problem, BEACH, ["features", "model"]))
    assert again["features"].startswith("reused")
    assert again["model"].startswith("computed, not remembered")
