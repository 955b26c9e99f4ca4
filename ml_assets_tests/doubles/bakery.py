"""Will this order be complained about? The shape of awkward real data: a day at a time, as a till exports it.

Numbers of orders have nineteen digits, those of customers too, and may be missing. Breads come and go, as categories that
differ from day to day. A complaint is known one to three days after the order. Each file restates the orders of the two days
before, with what became known since. On Sundays the shop is closed. A till that was tested left orders with prices below zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.evaluation.metrics import AUROC, BRIER
from ml_assets.problem import (
    Better,
    Daily,
    FeatureTable,
    Partition,
    Problem,
    RollingWindow,
    Source,
    TrainingData,
    TrainingRun,
)

FIRST, DAYS, ORDERS, RESTATED = "2024-01-01", 16, 120, 2  # that day is a Monday
SUNDAY = 6
BREADS = ("rye", "wheat", "spelt", "oat", "stollen", "king cake")
FIRST_ORDER = 10**18 + 2**53  # a float would make neighbours of these


@dataclass(frozen=True)
class Params:
    """Trees of the ensemble."""

    trees: int = 20


def orders_of(day: pd.Timestamp) -> pd.DataFrame:
    """What was ordered on a day, with what becomes of it, whenever that is known."""
    if day.day_of_week == SUNDAY:
        return orders_of(day - pd.Timedelta(days=1)).iloc[:0]
    number = (day - pd.Timestamp(FIRST, tz="UTC")).days
    rng = np.random.default_rng(number)
    breads = [*BREADS[: 3 + number % 2], BREADS[4 + number // 8]]  # oat every other day; each week a speciality
    bread = rng.choice(breads, ORDERS)
    at = day + pd.to_timedelta(np.sort(rng.uniform(6, 18, ORDERS)), unit="h").round("s")
    stale = rng.uniform(0, 2, ORDERS)
    complains = stale + (bread == "spelt") + rng.logistic(scale=0.5, size=ORDERS) > 1.6
    customer = pd.array(FIRST_ORDER * 2 + rng.integers(0, 400, ORDERS), dtype="Int64")
    customer[rng.random(ORDERS) < 0.2] = pd.NA
    member = pd.array(rng.random(ORDERS) < 0.5, dtype="boolean")
    member[customer.isna()] = pd.NA
    price = np.where(np.arange(ORDERS) % 60 == 59, -1.0, rng.uniform(2, 9, ORDERS).round(2))
    return pd.DataFrame(
        {
            "order": FIRST_ORDER + number * 1000 + np.arange(ORDERS),
            "at": at.as_unit("us"),
            "customer": customer,
            "member": member,
            "bread": pd.Categorical(bread, breads),
            "stale_hours": stale,
            "price": price,
            "complained": complains.astype(float),
            "known_at": (at + pd.to_timedelta(rng.uniform(20, 60, ORDERS), unit="h")).round("s").as_unit("us"),
        }
    )


def exported(day: pd.Timestamp) -> pd.DataFrame:
    """The file of a day: its orders and those of the two days before, with the complaints that were known that evening."""
    days = [day - pd.Timedelta(days=n) for n in range(RESTATED, -1, -1)]
    rows = pd.concat([orders_of(one).astype({"bread": "str"}) for one in days if one >= pd.Timestamp(FIRST, tz="UTC")])
    rows = rows.reset_index(drop=True).astype({"bread": "category"})
    unknown = rows["known_at"] >= day + pd.Timedelta(days=1)
    rows.loc[unknown, "complained"] = np.nan
    rows.loc[unknown, "known_at"] = pd.NaT
    return rows


def sample_files(key: str) -> dict[str, pd.DataFrame]:
    return {f"orders/{key}.parquet": exported(pd.Timestamp(key, tz="UTC"))}


def load(partition: Partition, source: Source) -> pd.DataFrame:
    return source.parquet(f"orders/{partition.key}.parquet")


def schema() -> Any:
    import pandera.pandas as pa

    columns = {
        "order": pa.Column("int64", unique=True),
        "at": pa.Column("datetime64[us, UTC]"),
        "customer": pa.Column("Int64", coerce=True, nullable=True),
        "member": pa.Column("boolean", coerce=True, nullable=True),
        "bread": pa.Column("category"),
        "stale_hours": pa.Column(float),
        "price": pa.Column(float, pa.Check.ge(0)),
        "complained": pa.Column(float, nullable=True),
        "known_at": pa.Column("datetime64[us, UTC]", nullable=True),
    }
    return pa.DataFrameSchema(columns, strict=True, drop_invalid_rows=True)


def features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    by_staleness = data.sort_values("stale_hours")  # in another order than the data, as a rolling mean would need it
    return by_staleness[["bread", "member", "stale_hours", "price"]]


def train(data: TrainingData, params: Params, run: TrainingRun) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        max_iter=params.trees, min_samples_leaf=10, categorical_features="from_dtype", random_state=run.seed
    )
    return trees.fit(_numbers(data.train.features), data.train.label)


def predict(model: Any, rows: pd.DataFrame) -> np.ndarray:
    answer: np.ndarray = model.predict_proba(_numbers(rows))[:, 1]
    return answer


def _numbers(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(member=rows["member"].astype("float64"))


def rate_of_train(rows: FeatureTable, test: FeatureTable) -> np.ndarray:
    return np.full(len(test), rows.label.mean())


PROBLEM = Problem(
    name="bakery",
    task="binary",
    partitions=Daily(FIRST, f"2024-01-{DAYS + 1:02}"),
    files=("orders/{partition}.parquet",),
    dataset=load,
    schema=schema,
    features=features,
    entity="order",
    event_time="at",
    label="complained",
    label_time="known_at",
    split=RollingWindow(partitions=10, test_days=3, validation_days=3),
    duplicates="newest",
    train=train,
    predict=predict,
    baseline=rate_of_train,
    params=Params(),
    metrics=(AUROC, BRIER),
    slices=("bread",),
    promote_when=Better(AUROC),
    minimum_rows=0,
    sample_files=sample_files,
    description=__doc__,
)
