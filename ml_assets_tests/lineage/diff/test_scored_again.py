"""Models of different months: scored on rows that neither was fitted on, or not compared at all."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ml_assets.evaluation.comparison import Comparison
from ml_assets.lineage.diff import diff
from ml_assets.lineage.diff.scored_again import JudgingRows, ScoredAgain
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.lineage.diff.test_versions import again, head

GAIN = Comparison("auroc", "1", 90, 0.75, 0.5, 0.25, -0.5, 0.5, by=0.0, confidence=0.9)
TESTS = (JudgingRows("2024-02", 97, 0), JudgingRows("2024-03", 95, 90))


@pytest.fixture
def months(shared):
    return [head(shared, "umbrellas/model", month) for month in ("2024-02", "2024-03")]


def test_models_of_two_months_are_compared_on_the_rows_that_neither_was_fitted_on(shared, months):
    told: list[str] = []
    found = diff(shared, *months, umbrellas.PROBLEM, telling=told.append)
    rows = len(shared.load(head(shared, "umbrellas/evaluation")).scored)
    again = found.scored_again
    assert found.gain is None
    assert [(of.partition, of.unseen) for of in again.tests] == [("2024-02", 0), ("2024-03", rows)]
    assert (again.gain.metric, again.gain.rows, again.no_verdict) == ("auroc", rows, "")
    assert again.gain.low < again.gain.gain < again.gain.high
    assert told == [f"scoring 2 models on {rows} test rows that neither was fitted on"]
    new = shared.manifest(head(shared, "umbrellas/evaluation")).metrics["auroc"]["value"]
    assert again.gain.challenger == pytest.approx(new)  # its own rows, scored again: the same answers


def test_whichever_comes_first_the_same_rows_decide(shared, months):
    one, other = (diff(shared, *pair, umbrellas.PROBLEM).scored_again for pair in (months, months[::-1]))
    assert other.gain.gain == pytest.approx(-one.gain.gain)
    assert other.gain.confidence == pytest.approx(1 - one.gain.confidence)
    assert other.tests == one.tests[::-1]


def test_numbers_of_other_rows_have_no_verdict_each(shared, months):
    found = diff(shared, *months, umbrellas.PROBLEM)
    assert {metric.better for metric in found.metrics} == {None}
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["scored_again"]["gain"]["rows"] > 0


def test_without_the_problem_nobody_can_score(shared, months):
    found = diff(shared, *months)
    assert (found.scored_again, {metric.better for metric in found.metrics}) == (None, {None})


def test_a_model_that_cannot_answer_for_the_others_rows_gets_no_verdict(own):
    old, new = (head(own, "umbrellas/evaluation", month) for month in ("2024-02", "2024-03"))
    model = head(own, "umbrellas/model", "2024-02")
    wants_more = again(own, model, lambda of: dataclasses.replace(of, columns=("wind",), dtypes=("float64",)))
    inputs = tuple(
        dataclasses.replace(read, key=wants_more, digest=own.manifest(wants_more).content.digest)
        if read.name == "model"
        else read
        for read in own.manifest(old).inputs
    )
    found = diff(own, again(own, old, inputs=inputs), new, umbrellas.PROBLEM).scored_again
    assert found.gain is None
    assert "They cannot both answer for these rows: " in found.no_verdict
    assert "lacks 'wind'" in found.no_verdict


def test_evaluations_that_do_not_say_what_they_judged_get_no_verdict(own):
    old, new = (head(own, "umbrellas/evaluation", month) for month in ("2024-02", "2024-03"))
    found = diff(own, again(own, old, inputs=()), new, umbrellas.PROBLEM).scored_again
    assert found == ScoredAgain(None, no_verdict="It is not recorded by which model and split they were judged.")


@pytest.mark.parametrize(
    ("again", "said"),
    [
        (
            ScoredAgain(GAIN, TESTS),
            (
                "scored again on 90 test rows that neither was fitted on (0 of 97 of 2024-02, 90 of 95 of 2024-03):",
                "auroc 0.500 -> 0.750: better by 0.250, 95 % interval [-0.500, 0.500]; confidence 0.9 that the new one is better",
            ),
        ),
        (
            ScoredAgain(dataclasses.replace(GAIN, too_few="1 row judges"), TESTS),
            (
                "scored again on 90 test rows that neither was fitted on (0 of 97 of 2024-02, 90 of 95 of 2024-03):",
                "auroc 0.500 -> 0.750: better by 0.250, 95 % interval [-0.500, 0.500]; too few rows to tell: 1 row judges",
            ),
        ),
        (ScoredAgain(None, TESTS, "Nothing is fair."), ("no verdict: Nothing is fair.",)),
    ],
    ids=["a verdict", "too few rows", "no rows"],
)
def test_what_came_out_is_said_with_the_rows_and_partitions(again, said):
    assert again.sentences == said
