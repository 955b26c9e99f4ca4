"""Will a parcel be late? Features of every kind (numbers, some missing, truths, text, categories), for models that leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.evaluation.metrics import ACCURACY, MAE
from ml_assets.problem import Better, Dynamic, EntityHash, FeatureTable, Problem, TrainingData
from ml_assets.store import Input, Manifest, Store, VersionKey
from ml_assets.training.model import fit
from ml_assets.training.run import Run
from ml_assets_tests.doubles import umbrellas

CITIES = ("Oslo", "Rome", "Łódź")
SIZES = pd.CategoricalDtype(["S", "M", "L"])
NUMBERS = ["weight", "stops", "fragile"]
SEEN = 0.6  # fraction of the rows that train
PARTITION = "2024-01"


@dataclass(frozen=True)
class ForestParams:
    trees: int = 10


def rows(n: int = 600) -> FeatureTable:
    """Parcels; of some the weight is not known, and of few the size. One city is in the test rows only."""
    rng = np.random.default_rng(5)
    weight, stops = rng.gamma(2, 3, n), rng.integers(1, 9, n)
    city, size = rng.choice(CITIES, n), rng.choice(SIZES.categories, n, p=[0.5, 0.3, 0.2])
    score = 0.4 * stops - 0.1 * weight + (city == "Rome") + (size == "L") + rng.logistic(size=n) * 0.5
    weight[rng.random(n) < 0.1] = np.nan
    city[-3:] = "Nuuk"
    features = pd.DataFrame(
        {
            "weight": weight,
            "city": pd.Series(city, dtype="str"),
            "stops": stops,
            "size": pd.Series(size).where(rng.random(n) > 0.05).astype(SIZES),
            "fragile": rng.random(n) < 0.3,
        }
    )
    keys = pd.DataFrame({"parcel": [f"p{i:04d}" for i in range(n)]})
    return FeatureTable(keys, features, score)


def binary() -> FeatureTable:
    table = rows()
    return replace(table, label=(table.label > np.median(table.label)).astype(float))


def three_classes() -> FeatureTable:
    """Labels 0, 1 and 3: class 2 is one that nobody has seen."""
    table = rows()
    return replace(table, label=np.array([0.0, 1.0, 3.0])[np.searchsorted([1.0, 2.5], table.label)])


Train, Predict = Callable[[TrainingData], Any], Callable[[Any, pd.DataFrame], Any]


def problem_of(train: Train, predict: Predict, task: str, **more: Any) -> Problem:
    """Parcels, answered by any model."""
    metric = MAE if task == "regression" else ACCURACY
    return replace(
        umbrellas.PROBLEM,
        name="parcels", task=task, entity="parcel", event_time=None, label="late", slices=(), gates=(), lookback=0,
        split=EntityHash(test_fraction=0.3, validation_fraction=0.15), partitions=Dynamic(), params=ForestParams(),
        train=lambda data, params, run: train(data), predict=predict, metrics=(metric,), promote_when=Better(metric),
        **more,
    )  # fmt: skip


def publish(store: Store, problem: Problem, table: FeatureTable) -> VersionKey:
    """Train a model on the first rows; publish it with what it was made from: features, and a split that tests on the others."""
    at, seen = np.arange(len(table)), int(SEEN * len(table))
    data = TrainingData(table.rows(at < seen), table.rows(at < seen // 4))
    model = fit(problem, data, problem.params, Run(0, print))
    roles = pd.DataFrame({"entity": table.keys[problem.entity], "role": np.where(at < seen, "train", "test")})

    def published(noun: str, value: Any, *inputs: Input) -> Input:
        content = store.put(value)
        key, _ = store.publish(Manifest(f"{problem.name}/{noun}", PARTITION, content, inputs=inputs), why="for a test")
        return Input(noun, key, content.digest)

    features = published("features", table)
    return published("model", model, published("split", roles, features)).key


def encoded(features: pd.DataFrame) -> pd.DataFrame:
    return features[["city", *NUMBERS]]


def forest(data: TrainingData, params: ForestParams, run: Any) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]), (SimpleImputer(strategy="median"), NUMBERS)
    )
    model = RandomForestClassifier(params.trees, max_depth=6, random_state=run.seed)
    return make_pipeline(columns, model).fit(encoded(data.train.features), data.train.label)


def probability_of_late(model: Any, features: pd.DataFrame) -> np.ndarray:
    answer: np.ndarray = model.predict_proba(encoded(features))[:, 1]
    return answer


PROBLEM = replace(
    problem_of(lambda data: None, probability_of_late, "binary"), train=forest, predict=probability_of_late
)
