"""How much ice cream will a beach sell today? A tiny problem, unlike the big one: static partitions, regression, no
calendar, a model that is a dataclass of its own, no scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ml_assets.evaluation.metrics import MAE, RMSE
from ml_assets.problem import (
    Better,
    Dynamic,
    EntityHash,
    FeatureTable,
    Gate,
    Partition,
    Problem,
    Source,
    Static,
    TrainingData,
    TrainingRun,
)

BEACHES = ("north", "south/east")


@dataclass(frozen=True)
class LineParams:
    """A straight line, pulled towards flat."""

    ridge: float = 0.0
    note: str | None = None


@dataclass(frozen=True)
class Line:
    slope: float
    intercept: float


def sales(beach: str, days: int = 400, noise: float = 3.0) -> pd.DataFrame:
    """What lands for a beach."""
    rng = np.random.default_rng(len(beach))
    celsius = rng.uniform(5, 35, days)
    cones = 4.0 * celsius + 10 * len(beach) + rng.normal(0, noise, days)
    return pd.DataFrame({"day": [f"{beach} {d}" for d in range(days)], "celsius": celsius, "cones": cones})


def load(partition: Partition, source: Source) -> pd.DataFrame:
    return source.parquet(f"{partition.key.replace('/', '-')}.parquet")


def schema():
    import pandera.pandas as pa

    columns = {
        "day": pa.Column("str"),
        "celsius": pa.Column(float, pa.Check.in_range(-30, 60)),
        "cones": pa.Column(float, nullable=True),
    }
    return pa.DataFrameSchema(columns, strict=True)


def features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    return data[["celsius"]]


def train(data: TrainingData, params: LineParams, run: TrainingRun) -> Line:
    x, y = data.train.features["celsius"].to_numpy(), data.train.label
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / (((x - x.mean()) ** 2).sum() + params.ridge))
    run.log(1, slope=slope)
    return Line(slope, float(y.mean() - slope * x.mean()))


def predict(model: Line, table: pd.DataFrame) -> np.ndarray:
    return model.slope * table["celsius"].to_numpy() + model.intercept


def mean_of_train(rows: FeatureTable, test: FeatureTable) -> np.ndarray:
    return np.full(len(test), rows.label.mean())


PROBLEM = Problem(
    name="ice_cream",
    task="regression",
    partitions=Static(BEACHES),
    dataset=load,
    schema=schema,
    features=features,
    entity="day",
    label="cones",
    split=EntityHash(test_fraction=0.3, validation_fraction=0.1),
    train=train,
    predict=predict,
    baseline=mean_of_train,
    params=LineParams(),
    metrics=(MAE, RMSE),
    gates=(Gate(MAE, above_baseline_by=1.0),),
    promote_when=Better(MAE),
    artifact_types=(Line,),
    description=__doc__,
)

SHOPS = replace(PROBLEM, name="shops", partitions=Dynamic(), files=("{partition}.parquet",))
"""The same for shops that open as time goes by: a shop is there once its file has landed."""
