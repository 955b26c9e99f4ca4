"""A landing folder in memory: the sample's files, or a small one cut from them that a test may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from ml_assets.problem import Problem, Shared
from ml_assets.problems import flights, weather
from ml_assets.problems.flight_delays import PROBLEM

GROUPS = {group.name: group for group in (flights.GROUP, weather.GROUP)}


@dataclass(frozen=True)
class Landed:
    """Files of the feature groups, by name in the landing folder: ``flights/2013-06.parquet``."""

    files: Mapping[str, pd.DataFrame]

    def changed(self, name: str, frame: pd.DataFrame) -> Landed:
        return Landed({**self.files, name: frame})


@dataclass(frozen=True)
class Read:
    """A Source of one partition of a problem or group."""

    problem: Problem
    partition: str
    landed: Landed

    def parquet(self, name: str) -> pd.DataFrame:
        return self.landed.files[f"{self.problem.name}/{name}"]

    def table(self, name: str) -> pd.DataFrame:
        source = self.problem.sources[name]
        assert isinstance(source, Shared)
        group, places = GROUPS[source.owner], self.problem.partitions.in_places(self.partition)
        keys = group.partitions.window(source.partition.format_map(places), source.lookback + 1)
        return pd.concat([load(self.landed, key, group) for key in keys], ignore_index=True)


def load(landed: Landed, key: str, problem: Problem = PROBLEM) -> pd.DataFrame:
    """The dataset of a partition, with those of the groups that it reads."""
    return problem.dataset(problem.partitions.partition(key), Read(problem, key, landed))


def landed(month: str) -> Landed:
    """What landed for ``month``, and the weather of the month before."""
    months = weather.GROUP.partitions.window(month, 2)
    observed = {name: frame for one in months for name, frame in _of("weather", one).items()}
    return Landed({**_of("flights", month), **observed})


def _of(group: str, month: str) -> dict[str, pd.DataFrame]:
    sample = GROUPS[group].sample_files
    assert sample is not None
    return {f"{group}/{name}": frame for name, frame in sample(month).items()}


@lru_cache(maxsize=4)
def month_of_flights(month: str) -> pd.DataFrame:
    return load(landed(month), month)


@lru_cache(maxsize=4)
def few_days(month: str, first_day: int, last_day: int) -> Landed:
    """What landed for ``month``, but of the flights only those of some days: real and small."""
    every, name = landed(month), f"flights/{month}.parquet"
    rows = every.files[name]
    return every.changed(name, rows[rows["day"].between(first_day, last_day)].reset_index(drop=True))
