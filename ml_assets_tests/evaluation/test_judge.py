from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk

from ml_assets.errors import InvalidPrediction, InvalidProblem, UnusableSplit
from ml_assets.evaluation import intervals
from ml_assets.evaluation.judge import Evaluation, judge, judge_scored
from ml_assets.evaluation.metrics import ACCURACY, AUROC, BRIER, LOG_LOSS, MAE, value
from ml_assets.evaluation.mistakes import most_probable
from ml_assets.evaluation.scored_rows import classes_of, scored_rows, values_of
from ml_assets.problem import Better, FeatureTable, Gate
from ml_assets_tests.evaluation.toy import noisy, toy_problem, toy_rows

ROWS = toy_rows()
HALF = np.full(len(ROWS), 0.5)


def judged(**changes) -> Evaluation:
    return judge(toy_problem(**changes), ROWS, prediction=noisy(ROWS, 0.3), baseline=HALF, resamples=100)


def test_a_model_and_its_baseline_are_judged_by_every_metric_with_an_interval_around_the_value():
    found = judged()
    assert found.rows == 300
    assert found.model["auroc"].value == pytest.approx(sk.roc_auc_score(ROWS.label, noisy(ROWS, 0.3)))
    assert found.baseline["auroc"].value == 0.5
    assert found.baseline["brier"].value == 0.25
    for estimate in found.model.values():
        assert estimate.low < estimate.value < estimate.high


def test_judging_twice_gives_the_same_evaluation():
    assert judged() == judged()


def test_rows_whose_outcome_is_unknown_do_not_judge():
    unknown = np.arange(300) % 5 == 0
    rows = FeatureTable(ROWS.keys, ROWS.features, np.where(unknown, np.nan, ROWS.label))
    found = judge(toy_problem(), rows, prediction=noisy(ROWS, 0.3), baseline=HALF, resamples=10)
    assert (found.rows, found.unlabelled) == (240, 60)
    expected = sk.roc_auc_score(ROWS.label[~unknown], noisy(ROWS, 0.3)[~unknown])
    assert found.model["auroc"].value == pytest.approx(expected)


def test_an_evaluation_survives_json_with_undefined_numbers_as_null():
    ones = FeatureTable(ROWS.keys, ROWS.features, np.ones(300))
    problem = toy_problem(slices=("origin",), gates=(Gate(AUROC, at_least=0.6),))
    found = judge(problem, ones, prediction=noisy(ROWS, 0.3), baseline=HALF, resamples=10)
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    nothing = {"value": None, "low": None, "high": None, "undefined": 10}
    assert plain["model"]["auroc"] == {**nothing, "method": "bootstrap, 10 resamples"}
    again = Evaluation.from_json(plain)
    assert np.isnan(again.model["auroc"].value)
    assert again.to_json() == found.to_json()
    assert again.gates[0].sentence == found.gates[0].sentence


# ---------------------------------------------------------------- gates


@pytest.mark.parametrize(
    ("gate", "passed", "sentence"),
    [
        (Gate(AUROC, at_least=0.5), True, "auroc 0.750 passes its gate: at least 0.500 is required."),
        (Gate(AUROC, at_least=0.9), False, "auroc 0.750 fails its gate: at least 0.900 is required."),
        (Gate(BRIER, at_most=0.3), True, "brier 0.229 passes its gate: at most 0.300 is required."),
        (Gate(BRIER, at_most=0.1), False, "brier 0.229 fails its gate: at most 0.100 is required."),
        (
            Gate(AUROC, above_baseline_by=0.3),
            False,
            "auroc 0.750 fails its gate: at least 0.800 is required, 0.3 better than the baseline's 0.500.",
        ),
        (
            Gate(BRIER, above_baseline_by=0.02),
            True,
            "brier 0.229 passes its gate: at most 0.230 is required, 0.02 better than the baseline's 0.250.",
        ),
    ],
)
def test_a_gate_says_what_was_seen_and_what_is_required(gate, passed, sentence):
    """Three of four ones score above all zeros, the fourth below: AUROC 0.75."""
    wrong = np.arange(300) % 12 == 0
    prediction = np.where(ROWS.label == 0, 0.5, np.where(wrong, 0.25, 0.75))
    found = judge(toy_problem(gates=(gate,)), ROWS, prediction=prediction, baseline=HALF, resamples=2).gates[0]
    assert found.passed is passed
    assert found.sentence == sentence


def test_a_value_just_under_its_limit_is_not_shown_as_the_limit():
    verdict = dataclasses.replace(judged(gates=(Gate(AUROC, at_least=0.6),)).gates[0], value=0.59999, passed=False)
    assert verdict.sentence == "auroc 0.59999 fails its gate: at least 0.60000 is required."


def test_an_undefined_metric_fails_its_gate():
    ones = FeatureTable(ROWS.keys, ROWS.features, np.ones(300))
    problem = toy_problem(gates=(Gate(AUROC, at_least=0.1), Gate(AUROC, above_baseline_by=0.0)))
    found = judge(problem, ones, prediction=HALF, baseline=HALF, resamples=2)
    assert [gate.passed for gate in found.gates] == [False, False]


@pytest.mark.parametrize(("rows", "said"), [(1, " (of 1 row, and no 95 % interval)"), (300, "")])
def test_a_gate_held_on_few_rows_says_so_and_holds_all_the_same(rows, said):
    few = ROWS.rows(np.arange(rows))
    problem = toy_problem(gates=(Gate(BRIER, at_most=0.3),))
    gate = judge(problem, few, prediction=HALF[:rows], baseline=HALF[:rows], resamples=100).gates[0]
    assert (gate.passed, gate.rows) == (True, rows)
    assert gate.sentence == f"brier 0.250 passes its gate: at most 0.300 is required{said}."


def test_an_infinite_metric_fails_its_gate_and_survives_json():
    lost = dataclasses.replace(MAE, compute=lambda label, prediction, weights: np.full(len(weights), np.inf))
    problem = toy_problem(metrics=(AUROC, BRIER, lost), gates=(Gate(lost, at_most=9.0),), slices=("origin",))
    found = judge(problem, ROWS, prediction=HALF, baseline=HALF, resamples=100)
    assert found.model["mae"].value == found.model["mae"].high == np.inf
    assert found.gates[0].sentence == "mae inf fails its gate: at most 9.000 is required."
    again = Evaluation.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    assert (again.model["mae"].value, again.slices[0].scores["mae"]) == (np.inf, np.inf)
    assert again.to_json() == found.to_json()


def test_a_gate_on_a_slice_is_held_on_the_rows_of_the_slice_with_their_own_baseline_and_interval():
    """EWR and JFK are told apart well and not at all; origin is none of the problem's slices."""
    is_east = (ROWS.keys["origin"] == "JFK").to_numpy()
    prediction, baseline = np.where(is_east, HALF, noisy(ROWS, 0.9)), np.where(is_east, 0.5, noisy(ROWS, 0.1))
    gates = (
        Gate(AUROC, at_least=0.6),
        Gate(AUROC, slice="origin = EWR", above_baseline_by=0.1),
        Gate(AUROC, slice="origin = JFK", at_least=0.6),
        Gate(BRIER, slice="hour = 3", at_most=0.3),
    )
    problem = toy_problem(gates=gates)
    rows = toy_rows(3000)
    found = judge(problem, ROWS, prediction=prediction, baseline=baseline, resamples=100).gates
    auroc, dumb = (sk.roc_auc_score(ROWS.label[:180], of[:180]) for of in (prediction, baseline))
    assert [gate.passed for gate in found[:3]] == [True, True, False]
    assert (found[1].value, found[1].limit, found[1].rows) == (auroc, pytest.approx(dumb + 0.1), 180)
    alone = judge(
        toy_problem(), ROWS.rows(np.arange(180)), prediction=prediction[:180], baseline=HALF[:180], resamples=100
    )
    assert (found[1].low, found[1].high) == (alone.model["auroc"].low, alone.model["auroc"].high)
    assert found[2].sentence == (
        "auroc of origin = JFK 0.500 fails its gate: at least 0.600 is required (of 110 rows)."
    )
    half = np.full(len(rows), 0.5)
    of_hour = judge(problem, rows, prediction=half, baseline=half, resamples=10).gates[3]
    assert (of_hour.passed, of_hour.rows) == (True, 125)


@pytest.mark.parametrize(
    ("of", "rows", "why"),
    [
        ("origin = LGA", 10, "10 rows that judge are of it, and at least 50 are needed"),
        ("origin = lga", 0, "no row that judges is of it: origin is EWR, JFK, LGA"),
        ("hour = 1.0", 0, "no row that judges is of it: hour is 0, 1, 10, 11, 2 or one of 19 others"),
        ("third = yes", 100, "it is undefined on these 100 rows"),
    ],
)
@pytest.mark.parametrize("limit", [{"at_least": 0.1}, {"above_baseline_by": 0.0}], ids=str)
def test_a_gate_that_cannot_be_held_on_its_slice_is_not_passed_and_says_why(of, rows, why, limit):
    third = np.where(ROWS.label == 1, "yes", "no")
    known = FeatureTable(ROWS.keys, ROWS.features.assign(third=third), ROWS.label)
    problem = toy_problem(gates=(Gate(AUROC, slice=of, **limit),))
    found = judge(problem, known, prediction=noisy(ROWS, 0.9), baseline=HALF, resamples=10)
    (gate,) = Evaluation.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))).gates
    assert (gate.passed, gate.rows, gate.untold) == (False, rows, why)
    assert gate.sentence == f"auroc of {of}: cannot tell whether its gate holds, for {why}."


def test_a_gate_on_a_column_that_no_row_has_is_refused():
    with pytest.raises(InvalidProblem, match="'toy': a gate names 'carrier', which is a column of neither"):
        judged(gates=(Gate(AUROC, slice="carrier = 9E", at_least=0.5),))


# ---------------------------------------------------------------- slices


def test_slices_are_judged_on_their_own_rows_largest_first_and_small_ones_are_not():
    found = judged(slices=("origin",)).slices
    assert [(s.value, s.rows) for s in found] == [("EWR", 180), ("JFK", 110), ("LGA", 10)]
    expected = sk.roc_auc_score(ROWS.label[:180], noisy(ROWS, 0.3)[:180])
    assert found[0].scores["auroc"] == pytest.approx(expected)
    assert found[2].scores == {"auroc": None, "brier": None}
    assert found[2].reason == "10 rows are too few to judge; at least 50 are needed"


def test_a_slice_with_one_class_says_which_metrics_it_lacks():
    rows = toy_rows()
    rows.keys["origin"] = np.where(rows.label == 1, "late", "on time")
    found = judge(toy_problem(slices=("origin",)), rows, prediction=HALF, baseline=HALF, resamples=2).slices
    assert found[0].scores == {"auroc": None, "brier": 0.25}
    assert found[0].reason == "no auroc: every label is 0"


def test_a_feature_can_slice_and_missing_values_are_a_slice_of_their_own():
    rows = toy_rows()
    rows.features["wind"] = np.where(np.arange(300) < 100, np.nan, 1.0)
    found = judge(toy_problem(slices=("wind",)), rows, prediction=HALF, baseline=HALF, resamples=2).slices
    assert [(s.value, s.rows) for s in found] == [("1.0", 200), ("missing", 100)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, True, None, "1"] * 75, [("1", 150), ("True", 75), ("missing", 75)]),
        ([0.5, None, 2.0] * 100, [("0.5", 100), ("2.0", 100), ("missing", 100)]),
        (
            pd.array([3, None, 2**60], dtype="Int64").repeat(100),
            [("1152921504606846976", 100), ("3", 100), ("missing", 100)],
        ),
        (
            pd.Categorical(["b", "a", None] * 100, categories=["b", "a", "never"]),
            [("a", 100), ("b", 100), ("missing", 100)],
        ),
        (
            pd.to_datetime(["2013-01-01", None, "2013-01-02"] * 100),
            [("2013-01-01 00:00:00", 100), ("2013-01-02 00:00:00", 100), ("missing", 100)],
        ),
        ([True, False, True] * 100, [("True", 200), ("False", 100)]),
    ],
    ids=["objects", "floats", "nullable", "categories", "instants", "booleans"],
)
def test_values_of_any_type_slice_by_how_they_read(values, expected):
    rows = toy_rows()
    rows.keys["any"] = values
    found = judge(toy_problem(slices=("any",)), rows, prediction=HALF, baseline=HALF, resamples=2).slices
    assert [(s.value, s.rows) for s in found] == expected


def test_of_very_many_slices_the_smaller_ones_are_counted_together():
    rows = toy_rows()
    rows.keys["origin"] = [f"airport {i % 60}" for i in range(300)]
    found = judge(toy_problem(slices=("origin",)), rows, prediction=HALF, baseline=HALF, resamples=2).slices
    assert len(found) == 51
    assert (found[-1].value, found[-1].rows) == ("10 others", 50)
    assert sum(s.rows for s in found) == 300


def test_a_slice_that_is_no_column_is_refused_with_the_columns_there_are():
    with pytest.raises(InvalidProblem, match=r"'toy'.*'gate'.*Known: id, origin, hour"):
        judged(slices=("gate",))


# ---------------------------------------------------------------- scored rows


def test_every_metric_can_be_computed_again_from_the_scored_rows():
    scored = scored_rows(toy_problem(), ROWS, noisy(ROWS, 0.3), HALF)
    assert list(scored) == ["entity", "label", "prediction", "baseline"]
    assert sk.roc_auc_score(scored["label"], scored["prediction"]) == pytest.approx(judged().model["auroc"].value)


def test_predictions_of_several_classes_come_back_from_the_scored_rows():
    problem = toy_problem(task="multiclass", metrics=(ACCURACY,), promote_when=Better(ACCURACY))
    prediction = np.random.default_rng(0).dirichlet(np.ones(12), 300)
    scored = scored_rows(problem, ROWS, prediction, np.full((300, 12), 1 / 12))
    np.testing.assert_array_equal(values_of(scored), prediction)
    assert (values_of(scored, "baseline") == 1 / 12).all()


def test_rows_can_be_scored_without_a_baseline():
    assert list(scored_rows(toy_problem(), ROWS, HALF)) == ["entity", "label", "prediction"]


@pytest.mark.parametrize(
    ("task", "prediction", "message"),
    [
        ("binary", HALF[:-1], r"The prediction has shape \(299,\) for 300 rows of a binary problem; expected \(300,\)"),
        ("binary", np.where(np.arange(300) == 7, np.nan, HALF), "The prediction of row 7 is nan"),
        ("binary", ["late"] * 300, "The prediction is of type <U4: these are no numbers"),
        ("binary", HALF * 4, "reaches from 2 to 2: these are no probabilities"),
        ("multiclass", HALF, r"expected \(300, classes\)"),
        ("multiclass", np.full((300, 3), 0.5), "does not add up to 1"),
        ("multiclass", np.ones((300, 1)), "knows classes 0 to 0, but label 1 occurs"),
    ],
    ids=["too few", "not finite", "words", "no probability", "no classes", "no distribution", "unknown class"],
)
def test_what_is_no_prediction_is_refused_with_the_row_or_shape(task, prediction, message):
    problem = toy_problem(task=task, metrics=(MAE,), promote_when=Better(MAE))
    baseline = HALF if task == "binary" else np.full((300, 2), 0.5)
    with pytest.raises(InvalidPrediction, match=message):
        scored_rows(problem, ROWS, prediction, baseline)


def test_a_regression_may_predict_any_finite_number():
    problem = toy_problem(task="regression", metrics=(MAE,), promote_when=Better(MAE))
    found = judge(problem, ROWS, prediction=ROWS.label - 40, baseline=HALF, resamples=2)
    assert found.model["mae"].value == pytest.approx(40)


def test_rows_without_any_label_cannot_judge():
    rows = FeatureTable(ROWS.keys, ROWS.features, np.full(300, np.nan))
    with pytest.raises(UnusableSplit, match="None of the 300 test rows of toy has a known 'late'"):
        judge(toy_problem(), rows, prediction=HALF, baseline=HALF)


# ---------------------------------------------------------------- methods


def test_an_evaluation_from_before_methods_were_told_can_be_read():
    plain = judged().to_json()
    for estimate in plain["model"].values():
        del estimate["method"]
    assert Evaluation.from_json(plain).methods == ""


def test_an_evaluation_says_how_its_intervals_were_found(monkeypatch):
    assert judged().methods == "bootstrap, 100 resamples"
    monkeypatch.setattr(intervals, "MANY_ROWS", 0)
    many = Evaluation.from_json(judged().to_json())
    assert many.methods == "auroc: DeLong's variance; brier: central limit theorem, corrected for skewness"


# ---------------------------------------------------------------- classes


def of_classes(**changes):
    return toy_problem(task="multiclass", metrics=(ACCURACY, LOG_LOSS, BRIER), promote_when=Better(ACCURACY), **changes)


def with_labels(*labels: float) -> FeatureTable:
    rows = toy_rows(len(labels))
    return FeatureTable(rows.keys, rows.features, np.array(labels, float))


SURE = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])


def test_columns_are_called_by_their_class_and_a_label_that_the_model_lacks_has_probability_0():
    scored = scored_rows(of_classes(), with_labels(10, 30, 40), SURE, SURE, classes=(10, 20, 30))
    assert [name for name in scored if name.startswith("prediction")] == [f"prediction_{k}" for k in (10, 20, 30, 40)]
    assert scored["baseline_40"].tolist() == scored["prediction_40"].tolist() == [0, 0, 0]
    assert classes_of(scored) == classes_of(scored, "baseline") == (10, 20, 30, 40)
    np.testing.assert_array_equal(values_of(scored)[:, :3], SURE)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [((0, 1, 2), (0, 1, 2)), ((10, 20, 30), (10, 20, 30)), ((1, 5, 7), (1, 5, 7)), ((-1, 0, 1), (-1, 0, 1))],
    ids=["0 to k-1", "tens", "gaps", "negative"],
)
def test_metrics_read_columns_by_class_whatever_the_classes_are_called(labels, classes):
    found = judge_scored(
        of_classes(), with_labels(*labels), scored_rows(of_classes(), with_labels(*labels), SURE, SURE, classes=classes),
        resamples=2,
    )  # fmt: skip
    assert found.model["accuracy"].value == 1
    assert found.model["log_loss"].value == pytest.approx(sk.log_loss(labels, SURE, labels=classes))
    assert value(ACCURACY, np.array(labels, float), SURE, classes) == 1


def test_a_class_without_train_rows_does_not_shift_the_others():
    """Trained on 0, 2 and 3; the rows that judge have only 0 and 2."""
    wide = np.insert(SURE, 1, 0.0, axis=1)
    rows = with_labels(0, 2, 2)
    scored = scored_rows(of_classes(), rows, wide, wide, classes=(0, 1, 2, 3))
    assert value(ACCURACY, rows.label, values_of(scored), classes_of(scored)) == pytest.approx(2 / 3)
    assert most_probable(scored).tolist() == [0, 2, 3]


def test_columns_that_nobody_can_tell_are_refused():
    with pytest.raises(
        InvalidPrediction, match=r"3 columns, and there are 2 classes \(5, 6\): nothing says which class"
    ):
        scored_rows(of_classes(classes=(5, 6)), with_labels(5, 6, 5), SURE)
    with pytest.raises(InvalidPrediction, match=r"3 columns, and there are 4 classes \(0 to 3\)"):
        scored_rows(of_classes(), with_labels(0, 1, 2), SURE, classes=(0, 1, 2, 3))
