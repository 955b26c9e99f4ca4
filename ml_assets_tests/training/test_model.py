from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import FeatureMismatch, InvalidPrediction
from ml_assets.problem import FeatureTable, TrainingData
from ml_assets.store import open_store
from ml_assets.training.model import TrainedModel, baseline, fit, predict
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


@pytest.mark.parametrize("answer", [[0.5, 1], pd.Series([0.5, 1.0])], ids=["list", "Series"])
def test_what_holds_numbers_is_an_array_of_them(model, answer):
    found = predict(dataclasses.replace(umbrellas.PROBLEM, predict=lambda *_: answer), model, ROWS.features.head(2))
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


# ---------------------------------------------------------------- rows keep their answers, and functions their copies


def by_clouds(model, table: pd.DataFrame) -> pd.Series:
    ordered = table.sort_values("clouds")
    return pd.Series(umbrellas.predict(model, ordered), index=ordered.index)


ANSWERS = {
    "array": umbrellas.predict,
    "Series": lambda model, table: pd.Series(umbrellas.predict(model, table), index=table.index),
    "Series without index": lambda model, table: pd.Series(umbrellas.predict(model, table)),
    "Series in another order": by_clouds,
    "a frame in another order": lambda model, table: by_clouds(model, table).to_frame(),
}


@pytest.mark.parametrize("at", [slice(None), slice(7, 90, 3), slice(None, None, -1)], ids=["all", "some", "backwards"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_each_row_gets_its_own_answer(model, answer, at):
    rows = ROWS.features.iloc[at]
    found = predict(umbrellas.with_predict(answer), model, rows)
    np.testing.assert_array_equal(found.ravel(), umbrellas.predict(model.estimator, rows))


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (range(1, 401), "400 is not among the labels given, 0 to 399"),
        ([0] * 400, "0 occurs more than once in the index returned"),
        ([f"row {n}" for n in range(400)], "'row 0' is not among the labels given, 0 to 399"),
    ],
    ids=["others", "one", "text"],
)
def test_answers_of_which_nobody_knows_whose_they_are_are_refused(model, index, words):
    with pytest.raises(InvalidPrediction) as refused:
        predict(umbrellas.with_predict(lambda *_: pd.Series(0.5, index=index)), model, ROWS.features)
    assert str(refused.value) == (
        f"the model answers with another index than its rows have: {words}. Let the problem's predict keep the index that it "
        "is given, or return an array in the order of the rows."
    )


def test_the_baseline_is_put_in_order_and_refused_alike():
    def shuffled(train, test):
        return test.features["clouds"].sample(frac=1, random_state=0)

    problem = dataclasses.replace(umbrellas.PROBLEM, baseline=shuffled)
    np.testing.assert_array_equal(baseline(problem, ROWS, ROWS), ROWS.features["clouds"])
    other = dataclasses.replace(umbrellas.PROBLEM, baseline=lambda train, test: pd.Series(0.5, index=range(1, 401)))
    with pytest.raises(InvalidPrediction, match=r"^the baseline answers with another index .* problem's baseline"):
        baseline(other, ROWS, ROWS)


def spoil(table: pd.DataFrame) -> None:
    """Everything that one can do to a frame in place."""
    table.loc[:, "clouds"] = 0.0
    table["more"] = 1.0
    del table["above_usual"]
    table.drop(index=table.index[:3], inplace=True)


def spoil_rows(rows: FeatureTable) -> None:
    rows.label[:] = 1.0
    rows.keys["visit"] = "somebody"
    spoil(rows.features)


def test_a_function_that_spoils_what_it_is_given_spoils_it_for_nobody_else():
    def train(data, params, run):
        fitted = umbrellas.train(data, params, run)
        spoil_rows(data.train)
        spoil_rows(data.validation)
        return fitted

    def answer(fitted, table):
        answers = umbrellas.predict(fitted, table)
        spoil(table)
        return answers

    def rate(train, test):
        rates = umbrellas.rate_of_train(train, test)
        spoil_rows(train)
        spoil_rows(test)
        return rates

    spoiling = dataclasses.replace(umbrellas.PROBLEM, train=train, predict=answer, baseline=rate)
    rows = feature_table(umbrellas.PROBLEM, [], umbrellas.visits("2024-01"))
    run = Run(seed=0, report=lambda line: None)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The inplace keyword")
        trained = fit(spoiling, TrainingData(rows, rows), umbrellas.PROBLEM.params, run)
        answers = [predict(spoiling, trained, rows.features) for _ in range(2)]
        rates = baseline(spoiling, rows, rows)
    assert trained.features == {"clouds": "float64", "above_usual": "float64", "shop": "str"}
    np.testing.assert_array_equal(answers[0], umbrellas.predict(trained.estimator, ROWS.features))
    np.testing.assert_array_equal(answers[1], answers[0])
    np.testing.assert_array_equal(rates, umbrellas.rate_of_train(ROWS, ROWS))
    pd.testing.assert_frame_equal(rows.features, ROWS.features)
    pd.testing.assert_frame_equal(rows.keys, ROWS.keys)
    np.testing.assert_array_equal(rows.label, ROWS.label)


def test_an_answer_is_not_the_buffer_that_the_next_call_fills(model):
    buffer = np.zeros(2)

    def into_the_buffer(fitted, table):
        buffer[:] = table["clouds"]
        return buffer

    problem = umbrellas.with_predict(into_the_buffer)
    first = predict(problem, model, ROWS.features.iloc[:2])
    predict(problem, model, ROWS.features.iloc[2:4])
    np.testing.assert_array_equal(first, ROWS.features["clouds"][:2])
