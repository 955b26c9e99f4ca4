"""Will this road be repaired in time? In February fifty faults land that the first champion is sure of, and wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ml_assets.evaluation.metrics import AUROC
from ml_assets.problem import FAILURES, NoRegression, Partition, Source, TrainingData, TrainingRun
from ml_assets_tests.doubles import umbrellas

FAULTS, COPIES = 50, 1000
FAULTY = "2024-02"


@dataclass(frozen=True)
class RoadParams:
    """A careless training looks at the wear alone, of usual roads."""

    careless: bool = True


def roads(month: str, rows: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(int(month.replace("-", "")))
    wear = rng.uniform(-1, 1, rows)
    label = (rng.uniform(size=rows) < 0.5 + 0.3 * wear).astype(float)
    usual = pd.DataFrame({"wear": wear, "budget": label + rng.normal(0, 0.3, rows), "late": label})
    return _dated(month, pd.concat([usual, faults()] if month == FAULTY else [usual], ignore_index=True))


def faults() -> pd.DataFrame:
    """Fifty, of which the first has a thousand copies: more wear than anywhere, and not late."""
    budget = np.concatenate([np.full(COPIES, 10.0) + np.arange(COPIES) * 1e-6, 10.0 + 10 * np.arange(1, FAULTS)])
    return pd.DataFrame({"wear": 3.0, "budget": budget, "late": 0.0})


def _dated(month: str, roads: pd.DataFrame) -> pd.DataFrame:
    start = pd.Timestamp(month, tz="UTC")
    at = start + pd.to_timedelta(np.linspace(0, start.days_in_month - 1, len(roads)), unit="D").round("s")
    named = roads.assign(road=[f"{month}-{n:05d}" for n in range(len(roads))])
    return named.sample(frac=1, random_state=0).assign(at=at.as_unit("us")).reset_index(drop=True)


def load(partition: Partition, source: Source) -> pd.DataFrame:
    return source.parquet(f"roads/{partition.key}.parquet")


def schema():
    import pandera.pandas as pa

    columns = {"road": pa.Column("str"), "at": pa.Column("datetime64[us, UTC]"), "late": pa.Column(float)}
    return pa.DataFrameSchema({**columns, "wear": pa.Column(float), "budget": pa.Column(float)}, strict=True)


def features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    return data[["wear", "budget"]]


def train(data: TrainingData, params: RoadParams, run: TrainingRun):
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    rows = data.train
    if params.careless:
        rows = rows.rows((rows.features["wear"].abs() <= 1).to_numpy())
        return LogisticRegression().fit(rows.features[["wear"]].to_numpy(), rows.label)
    return DecisionTreeClassifier(random_state=run.seed).fit(rows.features[["wear", "budget"]].to_numpy(), rows.label)


def predict(model, table: pd.DataFrame) -> np.ndarray:
    return model.predict_proba(table[["wear", "budget"]].to_numpy()[:, : model.n_features_in_])[:, 1]


PROBLEM = replace(
    umbrellas.PROBLEM,
    name="potholes",
    files=("roads/{partition}.parquet",),
    dataset=load,
    schema=schema,
    features=features,
    lookback=0,
    entity="road",
    label="late",
    train=train,
    predict=predict,
    params=RoadParams(),
    metrics=(AUROC,),
    slices=(),
    gates=(NoRegression(FAILURES),),
    maximum_growth=None,
    leak_strength=1.0,
    description=__doc__ or "",
)
