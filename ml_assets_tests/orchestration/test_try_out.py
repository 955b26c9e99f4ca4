"""A problem tried out beside a store that holds three months of it: what comes out, what is shown, and that nothing is kept."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
import threading
import traceback
from pathlib import Path

import pandas as pd
import pytest

import ml_assets
from ml_assets.errors import InvalidParams, NotLanded, UnknownVersion, UnusableSplit, UsageError
from ml_assets.orchestration.try_out import try_out
from ml_assets.problem import Candidate
from ml_assets_tests.conftest import BEACH, PROBLEMS
from ml_assets_tests.doubles import ice_cream, tuned, umbrellas

FEBRUARY, MARCH, APRIL = "2024-02", "2024-03", "2024-04"
UMBRELLAS = PROBLEMS[0]
CHAIN = ["dataset", "features", "split", "model", "evaluation", "champion", "report", "predictions"]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def everything(own, tmp_path, monkeypatch) -> Path:
    """All folders that a process may write to: store, landing, homes, temporary files."""
    for name in ("home", "dagster", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path


@pytest.mark.parametrize("asset", [None, "model", "champion"])
def test_nothing_is_left_behind(everything, asset):
    before = files(everything)
    tried = try_out(UMBRELLAS, MARCH, asset=asset, params={"c": 0.5} if asset != "champion" else None)
    assert tried.passed
    assert files(everything) == before
    assert not any((everything / "temporary").iterdir())


def test_the_model_that_serves_is_not_announced_as_a_new_champion(shared):
    first = shared.load("umbrellas/champion@2024-01")
    assert first["decision"] == "promote"
    said = repr(try_out(UMBRELLAS, "2024-01", rows=400))
    assert "it is the champion: " in said
    assert "would become champion" not in said
    other = repr(try_out(UMBRELLAS, "2024-01", rows=400, params={"c": 0.5}))
    assert "it is the champion" not in other


def test_of_all_rows_the_chain_comes_out_as_a_run_made_it(shared):
    tried = try_out(UMBRELLAS, MARCH, rows=400)
    stored = shared.manifest("umbrellas/evaluation@2024-03").metrics
    assert {step.asset for step in tried.steps if step.partition == MARCH} == {f"umbrellas/{noun}" for noun in CHAIN}
    assert tried.metrics == {name: stored[name] for name in tried.metrics}
    assert [*tried.metrics] == ["auroc", "brier"]
    for noun in ("dataset", "features", "split", "model"):
        of_run = shared.manifest(f"umbrellas/{noun}@2024-03").content.digest
        assert tried.store.manifest(tried.made[noun]).content.digest == of_run, noun


def test_of_a_sample_each_month_has_its_rows_and_earlier_ones_are_made_as_far_as_they_are_needed(shared):
    tried = try_out(UMBRELLAS, MARCH, rows=120)
    made = {(step.asset.partition("/")[2], step.partition) for step in tried.steps}
    assert made == {
        *((noun, MARCH) for noun in CHAIN),
        *((noun, month) for noun in ("dataset", "features") for month in ("2024-01", FEBRUARY)),
    }
    assert (len(tried.dataset), len(tried.features), len(tried.split)) == (120, 120, 360)
    whole = umbrellas.visits(MARCH)
    assert tried.dataset["visit"].tolist() == [v for v in whole["visit"] if v in set(tried.dataset["visit"])]
    again = try_out(UMBRELLAS, MARCH, rows=120, asset="dataset")
    pd.testing.assert_frame_equal(tried.dataset, again.dataset)


def test_what_came_out_is_at_hand(shared):
    tried = try_out(UMBRELLAS, MARCH, rows=200)
    assert tried.model.estimator.steps[1][1].C == 1.0
    assert tried.evaluation.rows > 0
    assert list(tried.checks.columns) == ["asset", "check", "passed", "blocking", "said"]
    assert {"volume", "leak", "disjoint", "reloads", "gates"} <= set(tried.checks["check"])
    assert tried.decision is not None
    assert tried.store.lineage(tried.made["model"]).nodes
    for said in ("✓ umbrellas/model", "at most 200 rows", "auroc", "baseline", "gate: auroc", "nothing was kept"):
        assert said in repr(tried)


def test_a_problem_on_partitions_without_time_is_tried_too(shared):
    assert try_out(ice_cream.PROBLEM, BEACH, rows=100).passed


def test_a_partition_that_no_sensor_has_seen_yet_is_tried(own):
    shop = "quay-7"
    ml_assets.open_landing().write(f"shops/{shop}.parquet", ice_cream.sales(BEACH))
    assert try_out(ice_cream.SHOPS, shop, rows=100).passed
    with pytest.raises(NotLanded, match=r"no shops/quay-8.parquet.* Put them there"):
        try_out(ice_cream.SHOPS, "quay-8")


def test_a_search_is_left_out_of_a_chain_and_that_is_said(shared):
    tried = try_out(tuned.UMBRELLAS, FEBRUARY, rows=200)
    assert "umbrellas/study" not in {step.asset for step in tried.steps}
    assert tuned.UMBRELLAS.params.c == tried.model.estimator.steps[1][1].C
    assert "The search for parameters was left out" in repr(tried)


def test_candidates_are_tried_and_one_of_them_can_be_chosen(shared):
    competing = dataclasses.replace(
        UMBRELLAS, candidates={"one": Candidate(), "two": Candidate(params=umbrellas.LogisticParams(c=1e-6))}
    )
    tried = try_out(competing, FEBRUARY, rows=200, candidate="two")
    assert tried.passed
    assert tried.model.estimator.steps[1][1].C == 1e-6
    with pytest.raises(InvalidParams, match=r"each with parameters of its own, which a run does not change"):
        try_out(competing, FEBRUARY, rows=200, params={"c": 1.0})


def test_a_split_that_waits_for_labels_is_skipped_with_the_reason(own):
    unknown = umbrellas.visits(MARCH).assign(bought=float("nan"))
    ml_assets.open_landing().write("umbrellas/visits/2024-03.parquet", unknown)
    tried = try_out(UMBRELLAS, MARCH, rows=100)
    assert tried.passed
    assert tried.skipped["umbrellas/split"].startswith("2024-03 has no known labels yet")
    assert "– umbrellas/split was skipped: 2024-03 has no known labels yet" in repr(tried)
    assert tried.metrics == {}


def test_too_few_rows_inform_and_block_nothing(shared):
    tried = try_out(UMBRELLAS, MARCH, rows=45)
    assert tried.passed
    (few,) = [step for step in tried.steps if step.asset == "umbrellas/dataset" and step.partition == MARCH]
    assert few.findings[0].startswith("volume: Waived (only a sample of 45 rows is tried): 45 rows landed")
    assert "volume, features_sound and classes inform" in repr(tried)


def test_a_part_without_rows_is_said_to_be_that_of_a_sample(shared):
    with pytest.raises(UnusableSplit, match="This is a sample of 2 rows of each dataset: it may be too small"):
        try_out(UMBRELLAS, MARCH, rows=2)


def test_what_is_refused_ends_it_and_can_be_looked_at(own):
    ml_assets.open_landing().write("umbrellas/visits/2024-03.parquet", umbrellas.visits(MARCH).assign(clouds=1000.0))
    seen = []
    tried = try_out(UMBRELLAS, MARCH, rows=100, report=seen.append)
    assert not tried.passed
    assert seen == list(tried.steps)
    assert (seen[-1].asset, seen[-1].passed) == ("umbrellas/dataset", False)
    assert seen[-1].findings[0].startswith("schema: ")
    assert tried.dataset["clouds"].eq(1000.0).all()
    with pytest.raises(UnknownVersion, match="umbrellas/model was not made here"):
        _ = tried.model


# ---------------------------------------------------------------- under a debugger


def test_the_problem_runs_in_this_thread_and_standard_input_is_its_own(shared):
    seen = []

    def features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
        seen.append((os.getpid(), threading.current_thread(), sys.stdin))
        return umbrellas.features(history, data)

    try_out(umbrellas.with_features(features), FEBRUARY, rows=100)
    assert set(seen) == {(os.getpid(), threading.main_thread(), sys.stdin)}


def test_an_exception_is_the_users_own_and_shows_her_lines_alone(shared):
    def clouds(data: pd.DataFrame) -> pd.DataFrame:
        return data[["cluods"]]

    with pytest.raises(KeyError, match="cluods") as caught:
        try_out(umbrellas.with_features(lambda history, data: clouds(data)), FEBRUARY, rows=100)
    here, hers, *inner = traceback.extract_tb(caught.value.__traceback__)
    assert (here.filename, hers.filename, hers.name) == (__file__, __file__, "<lambda>")
    assert inner[0].line == 'return data[["cluods"]]'
    assert "dagster/" not in "".join(traceback.format_exception(caught.value))


# ---------------------------------------------------------------- one asset alone


def test_a_model_alone_is_fitted_on_stored_inputs_judged_and_compared_with_the_stored_one(shared):
    tried = try_out(UMBRELLAS, MARCH, asset="model", params={"c": 0.01}, seed=7)
    assert [step.asset for step in tried.steps] == ["umbrellas/model", "umbrellas/evaluation"]
    assert tried.steps[0].why == "computed: params.c 1.0 -> 0.01; seed 0 -> 7"
    manifest = tried.store.manifest(tried.made["model"])
    assert (manifest.params["c"], manifest.seed) == (0.01, 7)
    assert [read.key for read in manifest.inputs] == [
        read.key for read in shared.manifest("umbrellas/model@2024-03").inputs
    ]
    found = tried.diff()
    assert found.old == shared.head("umbrellas/model", MARCH).target
    assert {metric.name for metric in found.metrics} == {"auroc", "brier"}


def test_with_nothing_changed_an_asset_alone_comes_out_the_same(shared):
    for noun in ("dataset", "features", "split", "evaluation", "predictions"):
        found = try_out(UMBRELLAS, MARCH, asset=noun).diff()
        assert found.same_content, noun


def test_edited_features_alone_say_which_column_changed(shared):
    def features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
        return umbrellas.features(history, data).assign(clouds=data["clouds"] * 2)

    found = try_out(umbrellas.with_features(features), MARCH, asset="features").diff()
    assert found.rows.changed == 400


@pytest.mark.parametrize(("asset", "rows"), [("dataset", 50), ("features", 50), ("split", 150), ("predictions", 50)])
def test_inputs_of_an_asset_alone_are_sampled(shared, asset, rows):
    tried = try_out(UMBRELLAS, MARCH, rows=50, asset=asset)
    assert len(tried.store.load(tried.made[asset])) == rows
    assert tried.diff() is None


def test_a_model_alone_on_a_sample_has_a_split_of_the_sample(shared):
    tried = try_out(UMBRELLAS, MARCH, rows=100, asset="model")
    assert [step.asset for step in tried.steps] == ["umbrellas/split", "umbrellas/model", "umbrellas/evaluation"]
    assert len(tried.split) == 300


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"partition": "2024-09"}, UsageError, "There is no partition '2024-09'"),
        ({"asset": "modle"}, UsageError, "umbrellas has no asset 'modle'. It has dataset, "),
        ({"asset": "champion", "rows": 10}, UsageError, "its inputs cannot be sampled"),
        ({"rows": 0}, UsageError, "at least one row"),
        ({"params": {"d": 1}}, InvalidParams, "d"),
        ({"partition": APRIL, "asset": "model"}, UnknownVersion, r"umbrellas/split \[2024-04\] has no published"),
    ],
    ids=["partition", "asset", "sample", "no rows", "parameter", "no input"],
)
def test_what_cannot_be_tried_is_refused(shared, asked, error, said):
    with pytest.raises(error, match=said):
        try_out(UMBRELLAS, **{"partition": MARCH, **asked})


def test_files_that_have_not_landed_are_named_with_the_command_that_lands_them(own, tmp_path):
    for month in (FEBRUARY, MARCH):
        (tmp_path / "made" / "landing" / "umbrellas" / "visits" / f"{month}.parquet").unlink()
    with pytest.raises(NotLanded) as refused:
        try_out(UMBRELLAS, MARCH)
    assert "no umbrellas/visits/2024-02.parquet, umbrellas/visits/2024-03.parquet: its window" in str(refused.value)
    assert str(refused.value).endswith("ml-assets land umbrellas --partitions 2024-01..2024-03")


def test_what_a_run_would_do_and_this_does_not_is_said(shared):
    compute = dataclasses.replace(UMBRELLAS, compute=ml_assets.problem.Compute(gpus=8, nodes=2, retries=3))
    assert "by one process" in repr(try_out(compute, FEBRUARY, rows=100))
