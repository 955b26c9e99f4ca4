"""Reuse, not skip: what a run emits, reads and writes when the results are there, and when they are not whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np

from ml_assets.orchestration.metadata import REUSE, VERSION
from ml_assets.store import Store
from ml_assets_tests.doubles import ice_cream
from ml_assets_tests.doubles.chain import CHAIN
from ml_assets_tests.doubles.daemon import Daemon
from ml_assets_tests.doubles.world import World, build
from ml_assets_tests.orchestration.emitted import (
    BEACH,
    PROBLEM,
    Noted,
    afresh,
    blob_of,
    checks,
    data_versions,
    said,
    shown,
)

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

    assert "figures" in again["report"]
    for noun in CHAIN:
        assert again[noun].keys() == first[noun].keys()
        assert {k: v for k, v in again[noun].items() if k != REUSE} == {
            k: v for k, v in first[noun].items() if k != REUSE
        }
        assert first[noun][REUSE].value == "computed: the first of this partition"
        version = world.head(f"{PROBLEM.name}/{noun}", BEACH).short
        assert again[noun][REUSE].value.startswith(f"reused {version}, made by run ")
        assert " on main by ada, saved " in again[noun][REUSE].value


def test_the_log_of_a_run_says_what_it_reused_and_how_long_that_had_taken(one_beach):
    world = one_beach
    run = world.must_run(PROBLEM, BEACH).run_id

    (key,) = [key for key in world.store.backend.list(f"runs/{run}") if "/evaluation/" in key]
    entry = json.loads(world.store.backend.get(key) or b"")
    took = world.manifest(f"{PROBLEM.name}/evaluation", BEACH).resources["wall_seconds"]
    assert entry["details"] == {"reused": True, "saved_seconds": took}


def test_an_instance_that_never_saw_a_version_shows_what_its_manifest_tells(one_beach, tmp_path):
    world = one_beach
    world.instance = dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "another"))

    metadata = shown(world.must_run(PROBLEM, BEACH))["evaluation"]

    assert {VERSION, REUSE, "mae/value", "rows_judged"} <= metadata.keys()
    assert "at_a_glance" not in metadata
    assert metadata[REUSE].value.startswith("reused ")


def test_automation_asks_for_nothing_after_all_is_materialized_again(tmp_path):
    world = build(tmp_path, [PROBLEM])
    daemon = Daemon(world, PROBLEM)
    world.must_run(PROBLEM, BEACH)
    daemon.settle()

    assert all(sentence.startswith("reused") for sentence in said(world.must_run(PROBLEM, BEACH)).values())
    assert daemon.settle() == []


# ---------------------------------------------------------------- what is not whole


def test_what_was_lost_is_computed_says_so_and_is_whole_afterwards(one_beach):
    world = one_beach
    version = world.head(f"{PROBLEM.name}/model", BEACH)
    blob_of(world, "model").unlink()

    sentences = said(world.must_run(PROBLEM, BEACH))

    assert sentences["model"].startswith(f"computed: {version.short} was the same, but the bytes of its ")
    assert sentences["model"].endswith(" are gone")
    assert_all_is_whole_and_reused(world)


def test_what_was_changed_is_computed_says_so_and_is_whole_afterwards(one_beach):
    world = one_beach
    blob = blob_of(world, "features")
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")

    sentences = said(world.must_run(PROBLEM, BEACH))

    assert sentences["features"].endswith(" were changed")
    assert_all_is_whole_and_reused(world)


def test_a_manifest_that_was_lost_is_made_again(one_beach):
    world = one_beach
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


def test_afresh_what_repeats_itself_is_said_to_be_the_same(one_beach):
    world = one_beach
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
