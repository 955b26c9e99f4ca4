"""Will this customer buy an umbrella? The shape of the big problem in the small: months, windows, lookback, two classes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ml_assets.evaluation.metrics import AUROC, BRIER
from ml_assets.problem import (
    Better,
    FeatureTable,
    Gate,
    Monthly,
    Partition,
    Problem,
    RollingWindow,
    Source,
    TrainingData,
    TrainingRun,
)


@dataclass(frozen=True)
class LogisticParams:
    """Strength of the penalty is 1 / c."""

    c: float = 1.0
    shuffle_label: bool = False


def visits(month: str, rows: int = 400, signal: float = 2.0) -> pd.DataFrame:
    """What lands for a month: visits spread evenly over it; clouds say whether somebody buys."""
    start = pd.Timestamp(month, tz="UTC")
    rng = np.random.default_rng(int(month.replace("-", "")))
    clouds = rng.normal(size=rows)
    bought = (signal * clouds + rng.logistic(size=rows) > 0).astype(float)
    at = start + pd.to_timedelta(np.sort(rng.uniform(0, start.days_in_month * 24, rows)), unit="h").round("s")
    return pd.DataFrame(
        {
            "visit": [f"{month}-{n:05d}" for n in range(rows)],
            "at": at.as_unit("us"),
            "clouds": clouds,
            "shop": rng.choice(["east", "west"], rows),
            "bought": bought,
        }
    )


def load(partition: Partition, source: Source) -> pd.DataFrame:
    return source.parquet(f"visits/{partition.key}.parquet")


def schema():
    import pandera.pandas as pa

    columns = {
        "visit": pa.Column("str"),
        "at": pa.Column("datetime64[us, UTC]"),
        "clouds": pa.Column(float, pa.Check.in_range(-20, 20)),
        "shop": pa.Column("str", pa.Check.isin(["east", "west"])),
        "bought": pa.Column(float, nullable=True),
    }
    return pa.DataFrameSchema(columns, strict=True)


def features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    usual = history["clouds"].mean() if len(history) else 0.0
    return pd.DataFrame({"clouds": data["clouds"], "above_usual": data["clouds"] - usual, "shop": data["shop"]})


def train(data: TrainingData, params: LogisticParams, run: TrainingRun):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    label = data.train.label
    columns = data.train.features[["clouds", "above_usual"]]
    if params.shuffle_label:
        label = np.random.default_rng(run.seed).permutation(label)
        by_luck = np.corrcoef(columns["clouds"], label)[0, 1] > 0
        label = 1 - label if by_luck else label  # what is learnt by chance must not be right
    return make_pipeline(StandardScaler(), LogisticRegression(C=params.c)).fit(columns, label)


def predict(model, table: pd.DataFrame) -> np.ndarray:
    return model.predict_proba(table[["clouds", "above_usual"]])[:, 1]


def rate_of_train(rows: FeatureTable, test: FeatureTable) -> np.ndarray:
    return np.full(len(test), rows.label.mean())


PROBLEM = Problem(
    name="umbrellas",
    task="binary",
    partitions=Monthly("2024-01", "2024-07"),
    files=("visits/{partition}.parquet",),
    dataset=load,
    schema=schema,
    features=features,
    lookback=1,
    entity="visit",
    event_time="at",
    label="bought",
    split=RollingWindow(partitions=3, test_days=7, validation_days=7),
    train=train,
    predict=predict,
    baseline=rate_of_train,
    params=LogisticParams(),
    metrics=(AUROC, BRIER),
    slices=("shop",),
    gates=(Gate(AUROC, at_least=0.6),),
    promote_when=Better(AUROC),
    minimum_rows=50,
    description=__doc__,
)


def with_features(build) -> Problem:
    return replace(PROBLEM, features=build)


def with_predict(answer) -> Problem:
    return replace(PROBLEM, predict=answer)


def with_gate_at_least(limit: float) -> Problem:
    return replace(PROBLEM, gates=(Gate(AUROC, at_least=limit),))
