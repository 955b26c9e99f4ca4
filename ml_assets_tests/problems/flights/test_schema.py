from __future__ import annotations

import pandas as pd
import pandera.errors
import pytest

from ml_assets.problems.flights import GROUP
from ml_assets_tests.problems.flights.landing import few_days, load, month_of_flights


@pytest.mark.parametrize("month", ["2013-01", "2013-03", "2013-11", "2013-12"])
def test_every_real_month_is_valid(month):
    GROUP.schema().validate(month_of_flights(month))


def test_a_month_without_flights_is_of_the_right_types():
    GROUP.schema().validate(month_of_flights("2013-01").iloc[:0])


def _first(data: pd.DataFrame, **values: object) -> pd.DataFrame:
    damaged = data.copy()
    for column, value in values.items():
        damaged.loc[0, column] = value
    return damaged


HOUR = pd.Timedelta(hours=1)
DAMAGES = {
    "a delay in words": lambda data: data.assign(dep_delay=data["dep_delay"].astype("str")),
    "instants to the nanosecond": lambda data: data.assign(asked_at=data["asked_at"].dt.as_unit("ns")),
    "instants without a zone": lambda data: data.assign(landed_at=data["landed_at"].dt.tz_localize(None)),
    "an unknown airport": lambda data: _first(data, origin="PHL"),
    "a humidity above 100": lambda data: _first(data, humid=140.0),
    "half a minute": lambda data: _first(data, dep_delay=2.5),
    "no carrier": lambda data: _first(data, carrier=None),
    "a flight twice": lambda data: pd.concat([data, data.tail(1)], ignore_index=True),
    "a lacking column": lambda data: data.drop(columns="precip"),
    "a column too many": lambda data: data.assign(gate="A1"),
    "departure in local time": lambda data: data.assign(
        scheduled_departure=data["scheduled_departure"] - 5 * HOUR, asked_at=data["asked_at"] - 5 * HOUR
    ),
    "asked too late": lambda data: data.assign(asked_at=data["asked_at"] + HOUR),
    "landed before flying": lambda data: data.assign(landed_at=data["landed_at"] - 3 * HOUR),
    "a label that is not the delay's": lambda data: data.assign(late=1 - data["late"]),
    "weather of tomorrow": lambda data: data.assign(weather_known_at=data["weather_known_at"] + 24 * HOUR),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_data_is_refused(damage):
    data = load(few_days("2013-06", 24, 24), "2013-06")
    GROUP.schema().validate(data)

    with pytest.raises((pandera.errors.SchemaError, pandera.errors.SchemaErrors)):
        GROUP.schema().validate(damage(data), lazy=True)
