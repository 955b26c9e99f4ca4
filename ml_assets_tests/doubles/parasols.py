"""Will this customer buy a parasol? The umbrellas again, month by shop: one file of a month holds the visits of all shops."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ml_assets.problem import Grid, Monthly, Partition, Source
from ml_assets.store import LandingFolder
from ml_assets_tests.doubles import umbrellas

SHOPS = ("east", "west")
MONTHS = Monthly("2024-01", "2024-07")


def load(partition: Partition, source: Source) -> pd.DataFrame:
    visits = source.parquet(f"visits/{partition.values['month']}.parquet")
    return visits[visits["shop"] == partition.values["shop"]].reset_index(drop=True)


def load_by_branch(partition: Partition, source: Source) -> pd.DataFrame:
    visits = source.parquet(f"visits/{partition.values['month']}.parquet")
    return visits[visits["shop"] == partition.values["branch"]].reset_index(drop=True)


PROBLEM = replace(
    umbrellas.PROBLEM,
    name="parasols",
    partitions=Grid(MONTHS, by="shop", values=SHOPS),
    files=("visits/{month}.parquet",),
    dataset=load,
    slices=(),
    description=__doc__ or "",
)

VALUE_FIRST = replace(PROBLEM, partitions=Grid(MONTHS, by="branch", values=SHOPS), dataset=load_by_branch)
"""The same, with keys such as ``east|2024-01``: branch comes before month in the alphabet."""


def land(landing: LandingFolder, month: str, **how: float) -> None:
    """The visits of all shops."""
    landing.write(f"parasols/visits/{month}.parquet", umbrellas.visits(month, **how))
