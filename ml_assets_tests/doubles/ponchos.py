"""Will a customer buy a poncho? Two problems that share the sky over the shops, a feature group observed every six hours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ml_assets.feature_group import FeatureGroup, as_known_at
from ml_assets.problem import Monthly, Partition, Problem, Shared, Source
from ml_assets_tests.doubles import umbrellas

FILES = ("sky/{partition}.parquet",)


def observations(month: str, changed: float = 0.0) -> pd.DataFrame:
    """Of both shops every six hours of a month; each is published an hour later."""
    start = pd.Timestamp(month, tz="UTC")
    at = pd.date_range(start, start + pd.Timedelta(days=28), freq="6h", inclusive="left", unit="us")
    rng = np.random.default_rng(int(month.replace("-", "")))
    rain = rng.normal(size=2 * len(at)) + changed
    shop = ["east"] * len(at) + ["west"] * len(at)
    return pd.DataFrame({"shop": shop, "seen_at": [*at, *at], "rain": rain}).astype({"seen_at": "datetime64[us, UTC]"})


def load_sky(partition: Partition, source: Source) -> pd.DataFrame:
    seen = source.parquet(f"sky/{partition.key}.parquet")
    return seen.assign(published_at=seen["seen_at"] + pd.Timedelta(hours=1))


def sky_schema():
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            "shop": pa.Column("str"),
            "seen_at": pa.Column("datetime64[us, UTC]"),
            "rain": pa.Column(float, pa.Check.in_range(-20, 20)),
            "published_at": pa.Column("datetime64[us, UTC]"),
        },
        strict=True,
    )


GROUP = FeatureGroup(
    name="sky",
    description="What was seen of the sky over each shop.",
    partitions=Monthly("2024-01", "2024-07"),
    files=FILES,
    dataset=load_sky,
    schema=sky_schema,
    entity="shop",
    event_time="seen_at",
    minimum_rows=50,
    sample_files=lambda month: {f"sky/{month}.parquet": observations(month)},
)


def load(partition: Partition, source: Source) -> pd.DataFrame:
    visits, sky = source.parquet(f"visits/{partition.key}.parquet"), source.table("sky")
    return as_known_at(visits, sky, by="shop", at="at", known="published_at").drop(columns="seen_at")


def schema():
    import pandera.pandas as pa

    added = {"rain": pa.Column(float, nullable=True), "published_at": pa.Column("datetime64[us, UTC]", nullable=True)}
    return umbrellas.schema().add_columns(added)


def features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    return umbrellas.features(history, data).assign(rain=data["rain"].fillna(0.0))


PONCHOS = replace(
    umbrellas.PROBLEM,
    name="ponchos",
    dataset=load,
    schema=schema,
    features=features,
    sources={"sky": Shared("sky/dataset", lookback=1)},
    sample_files=lambda month: {f"visits/{month}.parquet": umbrellas.visits(month)},
    fresh_within_days=None,
)
GALOSHES = replace(PONCHOS, name="galoshes")


def land(landing, month: str, problem: Problem = PONCHOS) -> None:
    landing.write(f"{problem.name}/visits/{month}.parquet", umbrellas.visits(month))
