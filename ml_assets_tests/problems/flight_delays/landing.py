"""A landing folder in memory: the sample's files, or a small one cut from them that a test may change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from ml_assets.problems.flight_delays import PROBLEM
from ml_assets.problems.flight_delays.sample import sample_files


@dataclass(frozen=True)
class Landed:
    """A Source whose files are DataFrames."""

    files: dict[str, pd.DataFrame]

    def parquet(self, name: str) -> pd.DataFrame:
        return self.files[name]

    def changed(self, name: str, frame: pd.DataFrame) -> Landed:
        return Landed(self.files | {name: frame})


def load(landed: Landed, month: str) -> pd.DataFrame:
    return PROBLEM.dataset(PROBLEM.partitions.partition(month), landed)


def landed(month: str) -> Landed:
    return Landed(sample_files(month))


@lru_cache(maxsize=4)
def month_of_flights(month: str) -> pd.DataFrame:
    return load(landed(month), month)


@lru_cache(maxsize=4)
def few_days(month: str, first_day: int, last_day: int) -> Landed:
    """What landed for ``month``, but of the flights only those of some days: real and small."""
    files = sample_files(month)
    name = f"flights/{month}.parquet"
    flights = files[name]
    return Landed(files | {name: flights[flights["day"].between(first_day, last_day)].reset_index(drop=True)})
