"""The page of a problem on a branch: its experiments beside what main names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ml_assets.lineage.experiments import experiments
from ml_assets.store import MAIN, Input, Manifest, Store, VersionKey
from ml_assets_tests.pages.conftest import site

MARCH, APRIL = "2024-03", "2024-04"


def copied(store: Store, noun: str, partition: str = MARCH, **changes: object) -> VersionKey:
    """A version on the store's branch like main's of March, but for some changes."""
    like = store.manifest(store.on(MAIN).head(f"umbrellas/{noun}", MARCH).target)
    changed: Manifest = replace(like, partition=partition, branch=store.branch, run=None, **changes)
    return store.publish(changed, why="tried")[0]


def tried(store: Store, partition: str = MARCH) -> VersionKey:
    """A model with other parameters on the store's branch, and its evaluation, which is given back."""
    model = copied(store, "model", partition, params={"c": 0.5}, code={"why": "computed: params.c 1.0 -> 0.5"})
    like = store.manifest(store.on(MAIN).head("umbrellas/evaluation", MARCH).target)
    inputs = tuple(replace(read, key=model) if read.name == "model" else read for read in like.inputs)
    metrics = {**like.metrics, "auroc": {"value": 0.8125, "low": 0.75, "high": 0.875, "baseline": 0.5}}
    return copied(store, "evaluation", partition, inputs=inputs, metrics=metrics)


@pytest.fixture
def branch(own) -> Store:
    return own.on("idea")


def test_a_branch_without_experiments_and_main_have_none(own, branch):
    tried(branch)
    assert experiments(own, "umbrellas") == []
    assert experiments(own.on("other"), "umbrellas") == []
    assert "Beside main" not in site(own)("/problem/umbrellas").text


def test_an_experiment_stands_beside_what_main_names_for_the_partition(own, branch):
    evaluation = tried(branch)
    (one,) = experiments(branch, "umbrellas")
    assert (one.partition, one.branchs.evaluation, one.on_the_same_rows) == (MARCH, evaluation, True)
    assert one.mains.evaluation == own.head("umbrellas/evaluation", MARCH).target
    assert one.branchs.why == "computed: params.c 1.0 -> 0.5"
    assert one.branchs.metrics["auroc"]["value"] == 0.8125


def test_other_test_rows_are_said_to_be_others(branch):
    tried(branch)
    like = branch.manifest(branch.head("umbrellas/evaluation", MARCH).target)
    inputs = tuple(Input(read.name, read.key, "0" * 64) if read.name == "split" else read for read in like.inputs)
    branch.publish(replace(like, inputs=inputs), why="on other rows")
    (one,) = experiments(branch, "umbrellas")
    assert not one.on_the_same_rows
    assert "others" in site(branch)("/problem/umbrellas").page.words


def test_the_page_shows_both_with_links_and_their_difference(own, branch):
    evaluation = tried(branch)
    reply = site(branch)("/problem/umbrellas")
    main = own.head("umbrellas/model", MARCH).target
    ours = branch.head("umbrellas/model", MARCH).target
    assert reply.status == 200
    for said in ("Beside main", "What idea made otherwise than main", "0.8125", "computed: params.c 1.0 -> 0.5"):
        assert said in reply.page.words
    links = reply.page.links
    assert {f"/version/{key.version}" for key in (main, ours, evaluation)} <= {*links}
    difference = f"/problem/umbrellas/diff?old={main.version}&new={ours.version}"
    assert difference in links
    assert site(branch)(difference).status == 200


def test_a_partition_that_main_has_not_judged_says_so(branch):
    tried(branch, APRIL)
    assert "main has none" in site(branch)("/problem/umbrellas").page.words
