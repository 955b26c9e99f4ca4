"""What comes from outside, and when: rows that are asked about, and files that land, with as much as was known by then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from ml_assets.problem import FeatureTable, Problem, RetrainWhen
from ml_assets.problems import flights, weather
from ml_assets.problems.flight_delays import PROBLEM
from ml_assets.problems.flights.dataset import _flight_id
from ml_assets.training.rows import feature_table
from ml_assets_tests.problems.flights.landing import month_of_flights

WHEN_DEPARTED, WHEN_LANDED = ["dep_time", "dep_delay"], ["arr_time", "arr_delay", "air_time"]
"""The columns of a flight that are known once it left, and once it landed."""
Files = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Stream:
    """A problem, and the world that it is asked about.

    Attributes:
        groups: the feature groups that the problem reads, in order of sharing.
        rows: the rows of a partition, their features as they were known when they were asked.
        files: what lands for a partition: name in the landing folder -> content. Of events before ``until``, with what was
            known by ``known``.
        asked_before: so long before its event a row is asked about.
    """

    problem: Problem
    groups: tuple[Problem, ...]
    rows: Callable[[str], FeatureTable]
    files: Callable[[str, datetime, datetime], Files]
    asked_before: timedelta

    def span(self, partition: str) -> tuple[datetime, datetime]:
        """Begin and end of a partition, by its clock."""
        of, zone = self.problem.partitions.partition(partition), ZoneInfo(self.problem.partitions.clock)
        assert of.start is not None and of.end is not None
        return of.start.astimezone(zone), of.end.astimezone(zone)

    def days(self, partition: str) -> Iterator[tuple[datetime, FeatureTable]]:
        """Each day of a partition, by its clock, that has any rows: its end, and they."""
        rows, zone = self.rows(partition), ZoneInfo(self.problem.partitions.clock)
        day = rows.keys[self.problem.event_time].dt.tz_convert(zone).dt.date.to_numpy()
        for one in sorted(set(day)):
            yield self.midnight(one + timedelta(days=1)), rows.rows(day == one)

    def midnight(self, day: date) -> datetime:
        """When a day begins."""
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.problem.partitions.clock))


@dataclass(frozen=True)
class Fault:
    """A client that sends one feature in another unit.

    Attributes:
        since, until: the first day on which it does, and the one on which it no longer does.
    """

    feature: str
    times: float
    since: date
    until: date

    def broken(self, rows: FeatureTable, day: date) -> FeatureTable:
        """The rows of a day as this client sends them."""
        if not self.since <= day < self.until:
            return rows
        return replace(rows, features=rows.features.assign(**{self.feature: rows.features[self.feature] * self.times}))


def of_flights(when: RetrainWhen) -> Stream:
    """Real flights, as they left New York in 2013."""
    groups = (weather.GROUP, flights.GROUP)
    return Stream(replace(PROBLEM, retrain_when=when), groups, _flights_asked, _flights_landed, timedelta(hours=2))


@cache
def _flights_asked(month: str) -> FeatureTable:
    before = PROBLEM.partitions.window(month, PROBLEM.lookback + 1)[:-1]
    return feature_table(PROBLEM, [month_of_flights(one) for one in before], month_of_flights(month))


def _flights_landed(month: str, until: datetime, known: datetime) -> Files:
    weather_files, flight_files = (group.sample_files(month) for group in (weather.GROUP, flights.GROUP))  # type: ignore[misc]
    name = f"{month}.parquet"
    flown = flight_files[name]
    at = month_of_flights(month).set_index("flight_id").loc[_flight_id(flown)]
    told = flown.copy()
    for columns, when in ((WHEN_DEPARTED, "departed_at"), (WHEN_LANDED, "landed_at")):
        told.loc[(at[when] > known).to_numpy(), columns] = np.nan
    told = told[(at["scheduled_departure"] < until).to_numpy()].reset_index(drop=True)
    named = {"flights": {**flight_files, name: told}, "weather": weather_files}
    return {f"{group}/{file}": frame for group, of in named.items() for file, frame in of.items()}
