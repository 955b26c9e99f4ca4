from __future__ import annotations

import dataclasses
import json

import pytest

from ml_assets.errors import UnknownVersion
from ml_assets.lineage.report import report
from ml_assets.store import Check
from ml_assets_tests.conftest import BEACH, MONTHS


def test_there_is_one_row_per_partition_in_order_with_the_published_model(shared):
    rows = report(shared, "umbrellas")
    assert [row.partition for row in rows] == list(MONTHS)
    assert [row.model for row in rows] == [shared.head("umbrellas/model", month).target for month in MONTHS]


def test_metrics_are_those_of_the_evaluation_most_important_first(shared):
    for row in report(shared, "umbrellas"):
        found = shared.manifest(shared.head("umbrellas/evaluation", row.partition).target).metrics
        assert row.metrics["auroc"] == found["auroc"]
        assert list(row.metrics)[:2] == ["auroc", "brier"]
        assert row.metrics["auroc"]["low"] <= row.metrics["auroc"]["value"] <= row.metrics["auroc"]["high"]


def test_what_was_decided_and_why_is_told_in_words(shared):
    first, *_ = report(shared, "umbrellas")
    assert first.champion == "moved"
    assert first.why.startswith("The first model: there is no champion to compare with.")
    assert [row.champion for row in report(shared, "ice_cream")] == ["moved"]


def test_problems_are_kept_apart(shared):
    assert [row.partition for row in report(shared, "ice_cream")] == [BEACH]


def test_a_partition_that_only_was_refused_says_by_which_check(own):
    manifest = own.manifest(own.head("umbrellas/dataset", MONTHS[0]).target)
    refused = dataclasses.replace(manifest, partition="2024-04", checks=(Check("schema", False, True, "No."),))
    own.publish(refused, why="a test")
    last = report(own, "umbrellas")[-1]
    assert (last.partition, last.model, last.metrics, last.champion) == ("2024-04", None, {}, "–")
    assert last.why == "The dataset was refused: schema: No."


def test_what_was_made_on_another_branch_only_is_not_reported(own):
    manifest = own.manifest(own.head("umbrellas/dataset", MONTHS[0]).target)
    own.on("ada/trial").publish(dataclasses.replace(manifest, partition="2024-05", branch="ada/trial"), why="a test")
    assert "2024-05" not in {row.partition for row in report(own, "umbrellas")}


def test_the_model_of_a_row_is_the_one_that_was_evaluated(own):
    evaluated = report(own, "umbrellas")[-1].model
    newer = dataclasses.replace(own.manifest(evaluated), seed=7)
    own.publish(newer, why="trained again, not judged yet")
    assert report(own, "umbrellas")[-1].model == evaluated


def test_rows_are_plain_json(shared):
    rows = [row.to_json() for row in report(shared, "umbrellas")]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_a_problem_for_which_nothing_was_made_is_refused(shared):
    with pytest.raises(UnknownVersion) as refused:
        report(shared, "umbrella")
    assert str(refused.value) == (
        "Nothing was made for 'umbrella' on branch main. Make something: ml-assets run umbrella --partition P"
    )
