"""What is remembered, for whom, and what is not."""

from __future__ import annotations

import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import dagster as dg

from ml_assets.orchestration.metadata import VERSION
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Store
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.world import build
from ml_assets_tests.orchestration.emitted import (
    BEACH,
    PROBLEM,
    Noted,
    data_versions,
    on_branch,
    said,
    shown,
)

TOGETHER = threading.Barrier(2, timeout=60)


# ---------------------------------------------------------------- branches, colleagues


def test_two_branches_train_once(one_beach):
    world = one_beach
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


def test_a_decision_to_keep_the_champion_is_reused_on_a_branch(one_beach):
    world = one_beach
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
