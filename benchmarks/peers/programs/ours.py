"""Will the driver be tipped? The benchmark's pipeline as a problem: its folder is ``rides``, beside ``steps.py``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.problems.rides import steps

from ml_assets.evaluation.metrics import AUROC
from ml_assets.problem import (
    Better,
    FeatureTable,
    Monthly,
    Partition,
    Problem,
    RollingWindow,
    Source,
    TrainingData,
    TrainingRun,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pandera.pandas as pa
    from sklearn.ensemble import HistGradientBoostingClassifier


@dataclass(frozen=True)
class TreeParams:
    """How much each tree corrects those before it."""

    rate: float = steps.RATE


def dataset(partition: Partition, source: Source) -> pd.DataFrame:
    return steps.clean(source.parquet(f"{partition.key}.parquet"))


def schema() -> pa.DataFrameSchema:
    import pandera.pandas as pa

    numbers = {name: pa.Column(float) for name in ("miles", "fare", steps.LABEL)}
    counts = {name: pa.Column(int) for name in ("zone", "riders")}
    ids = {"ride": pa.Column("str"), "at": pa.Column("datetime64[us, UTC]")}
    return pa.DataFrameSchema({**ids, **counts, **numbers}, strict=True)


def features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    return steps.features(data)


def train(data: TrainingData, params: TreeParams, run: TrainingRun) -> HistGradientBoostingClassifier:
    fit, choose = data.train, data.validation
    return steps.fitted(fit.features, fit.label, choose.features, choose.label, params.rate)


def predict(model: HistGradientBoostingClassifier, table: pd.DataFrame) -> np.ndarray:
    return model.predict_proba(table)[:, 1]


def baseline(rows: FeatureTable, test: FeatureTable) -> np.ndarray:
    import numpy as np

    return np.full(len(test), rows.label.mean())


PROBLEM = Problem(
    name="rides",
    task="binary",
    partitions=Monthly("2024-01", "2024-09"),
    files=("{partition}.parquet",),
    dataset=dataset,
    schema=schema,
    features=features,
    entity="ride",
    event_time="at",
    label=steps.LABEL,
    split=RollingWindow(partitions=1, test_days=7, validation_days=7),
    train=train,
    predict=predict,
    baseline=baseline,
    params=TreeParams(),
    metrics=(AUROC,),
    promote_when=Better(AUROC),
    description=__doc__,
)
