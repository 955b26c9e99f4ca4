from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import FeatureMismatch, InvalidPrediction
from ml_assets.problem import TrainingData
from ml_assets.store import open_store
from ml_assets.training.model import TrainedModel, fit, predict
from ml_assets.training.rows import feature_table
from ml_assets.training.run import Run
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.world import trust_all

ROWS = feature_table(umbrellas.PROBLEM, [], umbrellas.visits("2024-01"))


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    data = TrainingData(train=ROWS, validation=ROWS)
    return fit(umbrellas.PROBLEM, data, umbrellas.PROBLEM.params, Run(seed=0, report=lambda line: None))


def test_a_model_remembers_the_features_it_was_trained_on(model):
    assert model.features == {"clouds": "float64", "above_usual": "float64", "shop": "str"}
    assert list(model.features) == list(ROWS.features.columns)


def test_a_model_is_given_its_features_in_the_order_of_training_and_nothing_else(model):
    seen: list[pd.DataFrame] = []
    problem = dataclasses.replace(umbrellas.PROBLEM, predict=lambda estimator, table: seen.append(table) or np.zeros(3))
    others = ROWS.features[["shop", "above_usual", "clouds"]].assign(later="a feature of the next model")
    predict(problem, model, others)
    pd.testing.assert_frame_equal(seen[0], ROWS.features)


def test_a_model_answers_once_per_row(model):
    assert predict(umbrellas.PROBLEM, model, ROWS.features).shape == (len(ROWS),)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda table: table.drop(columns="above_usual"), "lacks 'above_usual'"),
        (lambda table: table[["shop"]], "lacks 'clouds', 'above_usual'"),
        (lambda table: table.astype({"clouds": "str"}), "has 'clouds' as str (trained on float64)"),
        (lambda table: table.assign(clouds=2**53 + 1), "has 'clouds' as int64 (trained on float64)"),
        (
            lambda table: table.astype({"clouds": "float32"}).drop(columns="shop"),
            "lacks 'shop' and has 'clouds' as float32 (trained on float64)",
        ),
    ],
    ids=["one is missing", "two are missing", "one has another type", "one would be rounded", "both"],
)
def test_other_features_than_those_of_training_are_refused_by_name(model, change, fault):
    with pytest.raises(FeatureMismatch) as refused:
        predict(umbrellas.PROBLEM, model, change(ROWS.features), name="champion umbrellas/model@2024-01:9c22")
    assert str(refused.value) == (
        f"champion umbrellas/model@2024-01:9c22 was trained on 3 features; this input {fault}. "
        "Missing features are never filled in; fix the problem's features()."
    )


SAME_VALUES = {
    "floats that are whole this time": ("float64", [1, 0], "float64"),
    "nullable whole numbers": ("float64", pd.array([1, None], "Int64"), "float64"),
    "whole numbers, now nullable": ("int64", pd.array([1, 0], "Int64"), "int64"),
    "whole numbers, now floats": ("int64", [1.0, 0.0], "int64"),
    "whole numbers, one now missing": ("int64", pd.array([1, None], "Int64"), "float64"),
    "a narrower whole number": ("int64", np.array([1, 0], "int8"), "int64"),
    "truths, one now missing": ("bool", pd.array([True, None], "boolean"), "boolean"),
    "truths that are objects": ("boolean", pd.Series([True, None], dtype=object), "boolean"),
    "no value at all": ("float64", pd.Series([None, None], dtype=object), "float64"),
    "instants in another unit": ("datetime64[us]", np.array(["2024", "9999"], "M8[ms]"), "datetime64[us]"),
    "nullable ids beyond floats": ("Int64", [2**53 + 1, 5], "Int64"),
}


@pytest.mark.parametrize(("trained", "given", "seen_as"), SAME_VALUES.values(), ids=SAME_VALUES)
def test_a_feature_is_given_in_the_type_of_training_where_that_holds_its_values(trained, given, seen_as):
    seen: list[pd.DataFrame] = []
    problem = dataclasses.replace(umbrellas.PROBLEM, predict=lambda estimator, table: seen.append(table) or np.zeros(2))
    features = pd.DataFrame({"x": given})
    predict(problem, TrainedModel(None, ("x",), (trained,)), features)
    assert str(seen[0]["x"].dtype) == seen_as
    assert [None if pd.isna(v) else v for v in seen[0]["x"]] == [None if pd.isna(v) else v for v in features["x"]]


OTHER_VALUES = {
    "halves for whole numbers": ("int64", [0.5, 1.0]),
    "ids that floats would round": ("float64", [2**53 + 1, 0]),
    "numbers for truths": ("bool", [1, 0]),
    "instants without the zone": ("datetime64[us, UTC]", np.array(["2024", "2025"], "M8[us]")),
    "finer instants": ("datetime64[us]", np.array([1, 2], "M8[ns]")),
    "text": ("float64", ["1", "2"]),
}


@pytest.mark.parametrize(("trained", "given"), OTHER_VALUES.values(), ids=OTHER_VALUES)
def test_a_feature_whose_values_the_type_of_training_does_not_hold_is_refused(trained, given):
    features = pd.DataFrame({"x": given})
    with pytest.raises(FeatureMismatch, match=re.escape(f"'x' as {features['x'].dtype} (trained on {trained})")):
        predict(umbrellas.PROBLEM, TrainedModel(None, ("x",), (trained,)), features)


@pytest.mark.parametrize("answer", [[0.5, 1], pd.Series([0.5, 1.0], index=[7, 8])], ids=["list", "Series"])
def test_what_holds_numbers_is_an_array_of_them(model, answer):
    found = predict(dataclasses.replace(umbrellas.PROBLEM, predict=lambda *_: answer), model, ROWS.features)
    assert type(found) is np.ndarray
    assert found.tolist() == [0.5, 1.0]


@pytest.mark.parametrize("answer", [["late", "in time"], [None, 0.5], None], ids=["words", "a gap", "nothing"])
def test_an_answer_without_numbers_is_refused(model, answer):
    problem = dataclasses.replace(umbrellas.PROBLEM, predict=lambda *_: answer)
    with pytest.raises(
        InvalidPrediction, match=r"the model answers with values of type .*, which are no numbers\. Let"
    ):
        predict(problem, model, ROWS.features)


def test_progress_is_one_line_with_every_number():
    said: list[str] = []
    Run(seed=3, report=said.append).log(20, train_loss=0.41, validation_loss=1 / 3)
    assert said == ["step 20: train_loss 0.41, validation_loss 0.333333"]


def test_the_order_of_the_columns_survives_the_store(model):
    trust_all()
    store = open_store("memory://")
    again = store.get(store.put(model))
    assert again.columns == model.columns == ("clouds", "above_usual", "shop"), "not sorted: estimators go by position"
