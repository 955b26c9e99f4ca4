from __future__ import annotations

import dataclasses
import re
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import FeatureMismatch, InvalidPrediction, InvalidProblem
from ml_assets.problem import FeatureTable, Problem, TrainingData
from ml_assets.store import open_store
from ml_assets.training.model import TrainedModel, Unseen, answered_classes, baseline, fit, predict
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


# ---------------------------------------------------------------- categories


def shops(values, listed=None) -> FeatureTable:
    """Rows whose only feature is a category."""
    features = pd.DataFrame({"shop": pd.Categorical(values, categories=listed)})
    return FeatureTable(pd.DataFrame({"visit": range(len(features))}), features, np.zeros(len(features)))


def trained_on(train: FeatureTable, validation: FeatureTable) -> tuple[TrainedModel, list[TrainingData]]:
    """A model, and what its ``train`` was shown."""
    shown: list[TrainingData] = []
    problem = dataclasses.replace(umbrellas.PROBLEM, train=lambda data, params, run: shown.append(data) or "codes")
    return fit(problem, TrainingData(train, validation), problem.params, Run(seed=0, report=print)), shown


CODES = dataclasses.replace(
    umbrellas.PROBLEM, predict=lambda estimator, rows: rows["shop"].astype("category").cat.codes.to_numpy()
)
LISTED = ["ash", "birch", "only judged", "only chosen by"]


def test_a_model_knows_the_categories_of_its_train_rows_and_what_only_validation_has_is_missing_there():
    model, (shown,) = trained_on(shops(["birch", "ash"], LISTED), shops(["ash", "only chosen by"], LISTED))
    assert model.categories == {"shop": {"categories": ["ash", "birch"], "dtype": "str", "ordered": False}}
    assert shown.train.features["shop"].cat.codes.tolist() == [1, 0]
    assert shown.validation.features["shop"].cat.codes.tolist() == [0, -1]
    assert model.knows == {"categories": {"shop": 2}}


@pytest.mark.parametrize(
    ("values", "listed", "codes"),
    [
        (["birch", "ash"], ["birch", "ash"], [1, 0]),
        (["birch"], ["birch"], [1]),
        (["only judged", "ash", None], LISTED, [-1, 0, -1]),
        ([], [], []),
    ],
    ids=["another order", "one row", "unseen and missing", "no rows"],
)
def test_codes_mean_at_prediction_what_they_meant_in_training(values, listed, codes):
    model, _ = trained_on(shops(["birch", "ash"], LISTED), shops(["ash"], LISTED))
    assert predict(CODES, model, shops(values, listed).features).tolist() == codes


def test_categories_of_another_kind_than_those_of_training_are_refused_by_name():
    model, _ = trained_on(shops(["ash"]), shops(["ash"]))
    with pytest.raises(FeatureMismatch, match=r"has 'shop' as category of numbers \(trained on category of text\)"):
        predict(CODES, model, shops([1, 2]).features)
    with pytest.raises(FeatureMismatch, match=r"has 'shop' as str \(trained on category\)"):
        predict(CODES, model, pd.DataFrame({"shop": ["ash"]}))


def test_unseen_categories_are_counted_over_batches_and_an_older_model_says_that_it_cannot_tell():
    model, _ = trained_on(shops(["ash"]), shops(["ash"]))
    unseen = Unseen()
    assert unseen.count(model, shops(["ash", None]).features).note == {}
    for batch in (["oak", "ash"], ["elm"], ["ash"]):
        unseen.count(model, shops(batch).features)
    assert unseen.note == {"unseen_categories": {"shop": 2}}
    older = dataclasses.replace(model, categories=None)
    assert "older than such records" in Unseen().count(older, shops(["oak"]).features).note["unseen_categories"]["shop"]
    assert predict(CODES, older, shops(["oak"]).features).tolist() == [0], "and goes on as it did"


# ---------------------------------------------------------------- classes


def sorts(**changes) -> Problem:
    """A problem of several classes whose model answers what it was made of."""
    fields = {"task": "multiclass", "train": lambda data, params, run: "answers", "baseline": lambda train, test: 0}
    return dataclasses.replace(umbrellas.PROBLEM, **(fields | changes))


def labelled(*labels: float) -> FeatureTable:
    n = len(labels)
    return FeatureTable(pd.DataFrame({"visit": range(n)}), pd.DataFrame({"x": np.zeros(n)}), np.array(labels, float))


def fitted(problem: Problem, *labels: float) -> TrainedModel:
    data = TrainingData(labelled(*labels), labelled(0, 9))
    return fit(problem, data, problem.params, Run(seed=0, report=print))


def test_a_model_knows_the_classes_of_its_train_rows_alone():
    model = fitted(sorts(), 3, 0, 2, 0)
    assert model.classes == (0, 2, 3)
    assert model.knows == {"classes": [0, 2, 3]}
    assert fitted(sorts(task="regression"), 0.5).classes is None


@pytest.mark.parametrize(
    ("declared", "width", "columns", "answered"),
    [
        (None, 3, [0.5, 0, 0.25, 0.25], (0, 1, 2, 3)),
        ((0, 2, 3), 3, [0.5, 0.25, 0.25], (0, 2, 3)),
        ((0, 2, 3, 8), 3, [0.5, 0.25, 0.25, 0], (0, 2, 3, 8)),
        ((0, 2, 3, 8), 4, [0.25] * 4, (0, 2, 3, 8)),
        (None, 4, [0.25] * 4, (0, 1, 2, 3)),
    ],
    ids=["as trained", "named", "one named has no rows", "a network with all", "a network with all, not named"],
)
def test_a_column_is_that_of_its_class(declared, width, columns, answered):
    answer = np.array([[0.5, 0.25, 0.25]]) if width == 3 else np.full((1, 4), 0.25)
    problem = sorts(classes=declared, predict=lambda *_: answer, baseline=lambda *_: answer)
    model = fitted(problem, 0, 2, 3)
    assert predict(problem, model, labelled(0).features).tolist() == [columns]
    assert baseline(problem, labelled(0, 2, 3), labelled(0)).tolist() == [columns]
    assert answered_classes(problem, model) == answered


def test_a_width_that_says_nothing_is_refused_by_who_answers():
    problem = sorts(predict=lambda *_: np.full((1, 10), 0.1), baseline=lambda *_: np.full((1, 10), 0.1))
    model = fitted(problem, 0, 2, 3)
    with pytest.raises(InvalidPrediction, match=r"^toy@1 answers with 10 columns, .* Let the problem's predict return"):
        predict(problem, model, labelled(0).features, name="toy@1")
    with pytest.raises(InvalidPrediction, match=r"^The baseline answers .* Let the problem's baseline return"):
        baseline(problem, labelled(0, 2, 3), labelled(0))


def test_labels_that_the_problem_does_not_name_are_refused_before_anything_is_trained():
    problem = sorts(classes=(0, 2), train=lambda *_: pytest.fail("trained"))
    with pytest.raises(
        InvalidProblem, match=r"train rows have the classes 3, which its classes do not name: 0, 2\. Add"
    ):
        fitted(problem, 0, 2, 3)


@pytest.mark.parametrize(
    ("recorded", "columns"),
    [(np.array([0.0, 2.0]), [0.75, 0, 0.25]), (np.array([0, 2]), [0.75, 0, 0.25]), (None, [0.75, 0.25])],
    ids=["scikit-learn did", "as whole numbers", "nobody did"],
)
def test_a_model_from_before_classes_were_recorded_has_those_that_its_estimator_knows(recorded, columns):
    estimator = SimpleNamespace(classes_=recorded) if recorded is not None else "none"
    older = TrainedModel(estimator, ("x",), ("float64",))
    problem = sorts(predict=lambda *_: np.array([[0.75, 0.25]]))
    assert predict(problem, older, labelled(0).features).tolist() == [columns]
    assert answered_classes(problem, older) == ()


def test_what_a_model_knows_survives_the_store_and_one_that_knows_neither_is_stored_as_ever():
    trust_all()
    store = open_store("memory://")
    model, _ = trained_on(shops([2, 1]), shops([1]))
    assert store.get(store.put(model)) == model
    plain = store.put(TrainedModel("none", ("x",), ("float64",)))
    assert set(plain.meta["fields"]) == {"columns", "dtypes", "estimator"}
    assert store.get(store.put(fitted(sorts(), 3, 0))).classes == (0, 3)
