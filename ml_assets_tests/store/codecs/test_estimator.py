"""scikit-learn estimators: bit-identical predictions, equal bytes for equal estimators."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingRegressor,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from ml_assets.errors import UnsupportedType
from ml_assets.store import Store

N = 120
RANDOM = np.random.default_rng(0)
X = pd.DataFrame(RANDOM.random((N, 3)), columns=list("abc"))
X["k"] = pd.Series(["x", "y", "z"] * (N // 3), dtype="str")
X["cat"] = X["k"].astype("category")
Y = (X["a"] + RANDOM.random(N) > 1).astype(int).to_numpy()
NUMBERS = X[["a", "b", "c"]]
CATEGORIES = X[["a", "b", "cat"]]


def columns() -> Any:
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return make_column_transformer((ordinal, ["k"]), (OneHotEncoder(), ["cat"]), (SimpleImputer(), ["a"]))


ESTIMATORS: dict[str, tuple[Callable[[], Any], pd.DataFrame]] = {
    "hist": (lambda: HistGradientBoostingClassifier(max_iter=5, random_state=0), NUMBERS),
    "hist regressor": (lambda: HistGradientBoostingRegressor(max_iter=5, early_stopping=True, random_state=0), NUMBERS),
    "hist categories": (
        lambda: HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype", random_state=0),
        CATEGORIES,
    ),
    "forest": (lambda: RandomForestClassifier(3, random_state=0), NUMBERS),
    "forest regressor": (lambda: RandomForestRegressor(3, random_state=0), NUMBERS),
    "extra trees": (lambda: ExtraTreesClassifier(3, random_state=0), NUMBERS),
    "isolation": (lambda: IsolationForest(n_estimators=3, max_features=2, random_state=0), NUMBERS),
    "boosting": (lambda: GradientBoostingClassifier(n_estimators=3, random_state=0), NUMBERS),
    "boosting regressor": (lambda: GradientBoostingRegressor(n_estimators=3, random_state=0), NUMBERS),
    "bagging": (lambda: BaggingRegressor(n_estimators=3, max_features=2, random_state=0), NUMBERS),
    "tree": (lambda: DecisionTreeClassifier(max_depth=3, random_state=0), NUMBERS),
    "logistic": (LogisticRegression, NUMBERS),
    "ridge": (Ridge, NUMBERS),
    "kmeans": (lambda: KMeans(2, n_init=1, random_state=0), NUMBERS),
    "mlp": (lambda: MLPClassifier((4,), solver="adam", max_iter=2000, tol=0.1, random_state=0), NUMBERS),
    "svc": (SVC, NUMBERS),
    "calibrated": (lambda: CalibratedClassifierCV(RandomForestClassifier(2, random_state=0), cv=2), NUMBERS),
    "neighbors": (lambda: KNeighborsClassifier(algorithm="brute"), NUMBERS),
    "neighbors in a tree": (lambda: KNeighborsClassifier(algorithm="kd_tree"), NUMBERS),
    "components": (lambda: make_pipeline(PCA(2), LogisticRegression()), NUMBERS),
    "pipeline": (lambda: make_pipeline(columns(), HistGradientBoostingClassifier(max_iter=3, random_state=0)), X),
    "pipeline of a forest": (lambda: make_pipeline(columns(), RandomForestClassifier(2, random_state=0)), X),
    "grid": (lambda: GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=2), NUMBERS),
    "voting": (lambda: VotingClassifier([("p", make_pipeline(columns(), DecisionTreeClassifier(random_state=0)))]), X),
    "stacking": (
        lambda: StackingClassifier(
            [("l", LogisticRegression()), ("t", DecisionTreeClassifier(random_state=0))], RandomForestClassifier(2), cv=2
        ).set_params(final_estimator__random_state=0),
        NUMBERS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_predicts_the_same_after_reload_and_has_one_spelling(store: Store, name: str) -> None:
    make, data = ESTIMATORS[name]
    fitted, again = make().fit(data, Y), make().fit(data, Y)
    content = store.put(fitted)
    loaded = store.get(content)
    assert np.array_equal(predictions(loaded, data), predictions(fitted, data))
    if name not in TIMED:
        assert store.put(again) == content, "fitted twice on the same data"
    assert store.put(loaded) == content, "stored again after loading"


TIMED = ("grid",)  # keeps how many seconds each fit took


def test_equal_sets_have_one_spelling_in_whatever_order_they_iterate(store: Store) -> None:
    one, other = {0, 8}, {8, 0}
    assert list(one) != list(other), "they share a slot of the hash table, so the first one in comes first"
    assert store.put(CountVectorizer(stop_words=one)) == store.put(CountVectorizer(stop_words=other))


def test_one_object_in_two_places_stays_one(store: Store) -> None:
    scaler = StandardScaler().fit(NUMBERS)
    loaded = store.get(store.put(make_pipeline(scaler, scaler)))
    assert loaded.steps[0][1] is loaded.steps[1][1]


def test_a_dictionary_keeps_its_order_and_odd_keys(store: Store) -> None:
    vocabulary = {"file": 0, "b": 1, "a": 2, "__id__": 3, "__loader__": 4}
    loaded = store.get(store.put(CountVectorizer(vocabulary=vocabulary)))
    assert list(loaded.vocabulary.items()) == list(vocabulary.items())


def test_what_could_not_be_loaded_is_refused_when_it_is_stored(store: Store) -> None:
    with pytest.raises(UnsupportedType, match=r"A Ridge made of decimal\.Decimal would be refused when loaded"):
        store.put(Ridge(Decimal(1)))


def predictions(estimator: Any, data: pd.DataFrame) -> np.ndarray:
    predict = getattr(estimator, "predict_proba", None) or estimator.predict
    return np.asarray(predict(data))
