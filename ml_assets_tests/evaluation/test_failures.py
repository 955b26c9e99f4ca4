from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import InvalidProblem
from ml_assets.evaluation import failures
from ml_assets.evaluation.answered import answered
from ml_assets.evaluation.failures import failures_of
from ml_assets.evaluation.faults import grouped
from ml_assets.problem import FAILURES, FeatureTable, NoRegression
from ml_assets_tests.doubles import potholes

ASKED = NoRegression(FAILURES)
PROBLEM = potholes.PROBLEM
FEBRUARY = potholes.FAULTY


def table(data: pd.DataFrame) -> FeatureTable:
    return FeatureTable(data[["road", "at"]], data[["wear", "budget"]], data["late"].to_numpy())


def predicted(data: pd.DataFrame) -> pd.DataFrame:
    """By a champion that is sure where there is much wear."""
    said = np.where(data["wear"] > 1, 0.97, 0.5 + 0.3 * data["wear"])
    return data[["road", "at"]].assign(prediction=said, model_version="07de")


@pytest.mark.parametrize(
    ("label", "said", "right", "surely_wrong"),
    [
        (1, 0.5, True, False),
        (1, 0.3, False, False),
        (1, 0.1, False, True),
        (0, 0.9, False, True),
        (0, 0.2, True, False),
    ],
)
def test_an_answer_is_right_surely_wrong_or_neither(label, said, right, surely_wrong):
    found = answered(pd.DataFrame({"label": [float(label)], "prediction": [said]}), "binary", ASKED)
    assert (found.right[0], found.surely_wrong[0]) == (right, surely_wrong)


def test_of_several_classes_the_probability_of_the_label_counts_and_one_without_a_column_has_none():
    scored = pd.DataFrame(
        {"label": [1.0, 2.0, 3.0], "prediction_1": [0.2, 0.95, 0.6], "prediction_2": [0.8, 0.05, 0.4]}
    )
    found = answered(scored, "multiclass", ASKED)
    assert found.right.tolist() == [False, False, False]
    assert found.surely_wrong.tolist() == [False, True, True]
    assert found.error.tolist() == pytest.approx([0.8, 0.95, 1.0])


def test_a_value_is_wrong_outside_of_its_interval_or_beyond_what_the_problem_allows():
    scored = pd.DataFrame({"label": [5.0, 9.0], "prediction": [4.0, 4.0]})
    with_interval = scored.assign(prediction_lower=3.0, prediction_upper=6.0)
    assert answered(with_interval, "regression", ASKED).right.tolist() == [True, False]
    assert answered(scored, "regression", NoRegression(FAILURES, beyond=0.5)).right.tolist() == [False, False]
    with pytest.raises(InvalidProblem, match=r"gives no interval\. Give beyond"):
        answered(scored, "regression", ASKED)


def test_fifty_planted_faults_are_found_exactly_each_once_and_a_thousand_copies_count_as_one():
    data = potholes.roads(FEBRUARY)
    found = failures_of(PROBLEM, ASKED, FEBRUARY, table(data), predicted(data))
    assert len(found.rows) == potholes.FAULTS
    assert (found.judged, found.wrong, found.left_out) == (len(data), potholes.FAULTS - 1 + potholes.COPIES, 0)
    assert found.rows["rows"].tolist() == [potholes.COPIES, *[1] * (potholes.FAULTS - 1)]
    planted = data[data["wear"] > 1]
    assert set(found.rows["entity"]) <= set(planted["road"])
    assert set(found.rows["model_version"]) == {"07de"}
    assert found.rows["failure"].is_unique


def test_failures_have_the_same_names_in_whatever_order_the_rows_come_and_rows_without_an_outcome_have_none():
    data = potholes.roads(FEBRUARY)
    once = failures_of(PROBLEM, ASKED, FEBRUARY, table(data), predicted(data)).rows
    shuffled = data.sample(frac=1, random_state=3).reset_index(drop=True)
    again = failures_of(PROBLEM, ASKED, FEBRUARY, table(shuffled), predicted(data)).rows
    pd.testing.assert_frame_equal(again, once)
    waiting = data.assign(late=np.nan)
    assert len(failures_of(PROBLEM, ASKED, FEBRUARY, table(waiting), predicted(data)).rows) == 0
    assert len(failures_of(PROBLEM, ASKED, FEBRUARY, table(data), predicted(data).head(0)).rows) == 0


def test_of_more_faults_than_are_kept_the_largest_are_and_the_others_are_counted(monkeypatch):
    monkeypatch.setattr(failures, "MOST", 5)
    data = potholes.roads(FEBRUARY)
    found = failures_of(PROBLEM, ASKED, FEBRUARY, table(data), predicted(data))
    assert len(found.rows) == 5
    assert found.rows["rows"].iloc[0] == potholes.COPIES
    assert found.left_out == potholes.FAULTS - 5


def test_rows_are_alike_by_numbers_words_and_what_is_missing():
    features = pd.DataFrame(
        {"a": [1.0, 1.01, np.nan, np.nan, 1.0], "shop": pd.Categorical(["x", "x", "x", "x", "y"]), "on": [True] * 5}
    )
    usual = pd.DataFrame({"a": [0.0, 10.0], "shop": ["x", "y"], "on": [True, False]})
    assert grouped(features, usual).tolist() == [0, 0, 2, 2, 4], "the first leads; missing is like missing alone"


def test_a_gate_about_rows_is_refused_where_it_makes_no_sense():
    def problem(**changes):
        return dataclasses.replace(PROBLEM, **changes)

    with pytest.raises(InvalidProblem, match="no such rows"):
        NoRegression("mistakes")  # type: ignore[arg-type]
    with pytest.raises(InvalidProblem, match=r"surely=0\.2"):
        NoRegression(FAILURES, surely=0.2)
    with pytest.raises(InvalidProblem, match="golden says which rows"):
        problem(golden=lambda rows: rows["wear"] > 0)
    with pytest.raises(InvalidProblem, match="several NoRegression"):
        problem(gates=(ASKED, ASKED))
