"""Which grade will a sapling have? One of the grades nobody ever gave, and nurseries come and go, listed as they come."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ml_assets.evaluation.metrics import ACCURACY, LOG_LOSS
from ml_assets.problem import (
    Better,
    FeatureTable,
    Files,
    Monthly,
    Partition,
    Problem,
    RollingWindow,
    Source,
    TrainingData,
    TrainingRun,
)

GRADES = {"ash": 0, "birch": 2, "cedar": 3, "oak": 0, "elm": 2}  # grade 1 exists and is never given
NURSERIES = {
    "2024-01": ("birch", "cedar", "oak"),
    "2024-02": ("ash", "birch", "cedar", "oak"),
    "2024-03": ("oak", "elm", "cedar", "birch"),
}
SIZES = pd.CategoricalDtype(["small", "middle", "large"], ordered=True)


@dataclass(frozen=True)
class TreeParams:
    max_depth: int = 4


def sold(month: str, rows: int = 600) -> pd.DataFrame:
    """What lands for a month; of five saplings one has a grade by chance, so that the nursery alone does not tell it."""
    start, rng = pd.Timestamp(month, tz="UTC"), np.random.default_rng(int(month[-2:]))
    nursery = rng.choice(NURSERIES[month], rows)
    grade = np.where(rng.random(rows) < 0.8, pd.Series(nursery).map(GRADES), rng.choice([0, 2, 3], rows))
    at = start + pd.to_timedelta(np.sort(rng.uniform(0, 28 * 24, rows)), unit="h").round("s")
    return pd.DataFrame(
        {
            "sapling": [f"{month}-{n:05d}" for n in range(rows)],
            "at": at.as_unit("us"),
            "nursery": nursery,
            "size": rng.choice(SIZES.categories, rows),
            "grade": grade.astype(float),
        }
    )


def load(partition: Partition, source: Source) -> pd.DataFrame:
    return source.table("sold")


def schema():
    import pandera.pandas as pa

    columns = {
        "sapling": pa.Column("str"),
        "at": pa.Column("datetime64[us, UTC]"),
        "nursery": pa.Column("str"),
        "size": pa.Column("str"),
        "grade": pa.Column(float),
    }
    return pa.DataFrameSchema(columns, strict=True)


def features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    """Categories in the order in which they come, as many write it: another one each month."""
    nursery = pd.Categorical(data["nursery"], categories=data["nursery"].unique())
    return pd.DataFrame({"nursery": nursery, "size": data["size"].astype(SIZES)})


def codes(table: pd.DataFrame) -> np.ndarray:
    return np.column_stack([table[name].astype("category").cat.codes for name in table])


def train(data: TrainingData, params: TreeParams, run: TrainingRun):
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_depth=params.max_depth, random_state=run.seed)
    return tree.fit(codes(data.train.features), data.train.label)


def predict(model, table: pd.DataFrame) -> np.ndarray:
    return model.predict_proba(codes(table))


def train_by_type(data: TrainingData, params: TreeParams, run: TrainingRun):
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(max_iter=15, categorical_features="from_dtype", random_state=run.seed)
    return model.fit(data.train.features, data.train.label)


def predict_by_type(model, table: pd.DataFrame) -> np.ndarray:
    return model.predict_proba(table)


def shares(rows: FeatureTable, test: FeatureTable) -> np.ndarray:
    """As wide as the highest grade says: the train rows never have all of these."""
    return np.tile(np.bincount(rows.label.astype(int)) / len(rows), (len(test), 1))


PROBLEM = Problem(
    name="saplings",
    task="multiclass",
    partitions=Monthly("2024-01", "2024-04"),
    sources={"sold": Files("sold/{partition}.parquet")},
    dataset=load,
    schema=schema,
    features=features,
    entity="sapling",
    event_time="at",
    label="grade",
    split=RollingWindow(partitions=2, test_days=7, validation_days=5),
    train=train,
    predict=predict,
    baseline=shares,
    params=TreeParams(),
    metrics=(ACCURACY, LOG_LOSS),
    slices=("nursery",),
    promote_when=Better(ACCURACY),
    minimum_rows=50,
    description=__doc__,
)
BY_TYPE = replace(PROBLEM, train=train_by_type, predict=predict_by_type)
