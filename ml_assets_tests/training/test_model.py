from __future__ import annotations

import dataclasses

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
        (lambda table: table.astype({"clouds": "int64"}), "has 'clouds' as int64 (trained on float64)"),
        (
            lambda table: table.astype({"clouds": "float32"}).drop(columns="shop"),
            "lacks 'shop' and has 'clouds' as float32 (trained on float64)",
        ),
    ],
    ids=["one is missing", "two are missing", "one has another type", "both"],
)
def test_other_features_than_those_of_training_are_refused_by_name(model, change, fault):
    with pytest.raises(FeatureMismatch) as refused:
        predict(umbrellas.PROBLEM, model, change(ROWS.features), name="champion umbrellas/model@2024-01:9c22")
    assert str(refused.value) == (
        f"champion umbrellas/model@2024-01:9c22 was trained on 3 features; this input {fault}. "
        "Missing features are never filled in; fix the problem's features()."
    )


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
