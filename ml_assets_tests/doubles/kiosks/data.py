"""What landed."""

from __future__ import annotations

import pandas as pd

from ml_assets.problem import Partition, Source

COLUMNS = ["sale", "at", "kiosk", "celsius", "cones"]
WARMEST = 60


def load(partition: Partition, source: Source) -> pd.DataFrame:
    return ordered(source.parquet(f"{partition.key}.parquet"))


def ordered(data: pd.DataFrame) -> pd.DataFrame:
    return data[COLUMNS]


def schema():
    import pandera.pandas as pa

    columns = {
        "sale": pa.Column("str"),
        "at": pa.Column("datetime64[us, UTC]"),
        "kiosk": pa.Column("str"),
        "celsius": pa.Column(float, pa.Check.in_range(-30, WARMEST)),
        "cones": pa.Column(float),
    }
    return pa.DataFrameSchema(columns, strict=True)
