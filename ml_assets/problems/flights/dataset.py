"""The flights: when each was to leave, left and landed, its aircraft, and the weather known two hours before it was to leave.

Three clocks meet here, and each can leak the future if it runs early:

- The flights' ``time_hour`` is the hour of scheduled departure in UTC; adding ``minute`` gives the instant, also when
  New York's clocks change.
- Arrival times are written in the destination's local time, so its time zone is needed to know when a flight landed. The
  result never lies before departure plus time in the air (the schema checks it), and reads as the published ``arr_time``
  for all landed flights of 2013 but one, in the night the clocks changed, which counts as landed an hour late.
- The weather's, see the feature group ``weather``: an observation counts from ``weather_known_at``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.errors import UnreadableFile
from ml_assets.feature_group import as_known_at
from ml_assets.problem import Partition, Source
from ml_assets.problems._landed import UTC_MICROSECONDS, typed

if TYPE_CHECKING:
    import pandas as pd

ASKED_BEFORE_HOURS = 2  # what will become of a flight is asked this long before its scheduled departure
LATE_FROM_MINUTES = 15  # the official definition of a late arrival (US Bureau of Transportation Statistics)
WEATHER_AT_MOST_OLD_HOURS = 6  # the longest gap in the observations of 2013

SCHEDULE = {
    "carrier": "str", "flight": "int64", "tailnum": "str", "origin": "str", "dest": "str", "distance": "float64",
    "sched_dep_time": "int64", "sched_arr_time": "int64",
}  # fmt: skip
OUTCOME = dict.fromkeys(("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"), "float64")
DATE = {"year": "int64", "month": "int64", "day": "int64", "minute": "int64", "time_hour": UTC_MICROSECONDS}
PLANE = {"year": "float64", "seats": "float64", "engines": "float64"}


def load_flights(partition: Partition, source: Source) -> pd.DataFrame:
    """The flights of one month, by New York's calendar.

    Reads ``<month>.parquet``, ``planes.parquet`` and ``airports.parquet``, and the weather of the month and the one before.
    Columns that are not named here are left out, so that a new one upstream changes nothing downstream; the six that say when
    a flight leaves (``year`` … ``time_hour``) become ``scheduled_departure``.

    Returns:
        one row per flight in order of scheduled departure, with ``flight_id``; the instants ``scheduled_departure``,
        ``asked_at``, ``departed_at`` and ``landed_at`` (UTC; NaT where it never happened); the schedule; what came of the
        flight, with ``late`` (1 or 0; NaN where it was cancelled or diverted); attributes of the aircraft (``plane_…``);
        and the newest weather known at the origin when asked, if it is at most six hours old.
    Raises:
        NotLanded: if one of the files is missing.
        UnreadableFile: if a file lacks columns, holds other types, other months, or no time zone for a destination.
    """
    name = f"{partition.key}.parquet"
    flights = typed(source.parquet(name), name, DATE | SCHEDULE | OUTCOME)
    planes = typed(source.parquet("planes.parquet"), "planes.parquet", PLANE | {"tailnum": "str"})
    airports = typed(source.parquet("airports.parquet"), "airports.parquet", {"faa": "str", "tzone": "str"})
    _refuse_other_months(flights, name, partition.key)
    flights = _with_instants(flights, _time_zones(flights["dest"], airports))
    return _with_weather(_with_plane(flights, planes), source.table("weather"))


def _refuse_other_months(flights: pd.DataFrame, name: str, month: str) -> None:
    held = flights["year"].astype("str") + "-" + flights["month"].astype("str").str.zfill(2)
    if not (held == month).all():
        others = ", ".join(sorted(set(held) - {month}))
        raise UnreadableFile(
            f"{name} holds {(held != month).sum()} flights of {others}. "
            "They would be counted twice or in the wrong month. Land one file per month."
        )


def _time_zones(destinations: pd.Series, airports: pd.DataFrame) -> pd.Series:
    """The time zone of each flight's destination, e.g. America/Chicago."""
    import zoneinfo

    zone = destinations.map(airports.drop_duplicates("faa").set_index("faa")["tzone"])
    unknown = ~zone.isin(zoneinfo.available_timezones())
    if unknown.any():
        raise UnreadableFile(
            f"airports.parquet has no time zone for {', '.join(sorted(set(destinations[unknown])))}, "
            f"where {unknown.sum()} flights go: when they land cannot be known. "
            "Add a row for each, with its code in faa and a name such as America/Chicago in tzone."
        )
    return zone


def _with_instants(flights: pd.DataFrame, destination_zone: pd.Series) -> pd.DataFrame:
    """Flights in order of departure with their name, their instants in UTC, and whether they were late."""
    import pandas as pd

    scheduled = flights["time_hour"] + _minutes(flights["minute"])
    arrival = scheduled + _minutes(_scheduled_minutes(scheduled, flights["sched_arr_time"], destination_zone))
    late = (flights["arr_delay"] >= LATE_FROM_MINUTES).astype("float64").where(flights["arr_delay"].notna())
    instants = pd.DataFrame(
        {
            "flight_id": _flight_id(flights),
            "scheduled_departure": scheduled,
            "asked_at": scheduled - pd.Timedelta(hours=ASKED_BEFORE_HOURS),
            "departed_at": scheduled + _minutes(flights["dep_delay"]),
            "landed_at": arrival + _minutes(flights["arr_delay"]),
            "late": late,
        }
    )
    rows = pd.concat([instants, flights.drop(columns=list(DATE))], axis=1)
    return rows.sort_values(["scheduled_departure", "flight_id"], ignore_index=True)


def _minutes(values: pd.Series) -> pd.Series:
    import pandas as pd

    return pd.to_timedelta(values, unit="m").dt.as_unit("us")


def _scheduled_minutes(departure: pd.Series, arrival_clock: pd.Series, zone: pd.Series) -> pd.Series:
    """How long a flight takes by schedule: from what the destination's clock shows at departure to what it shows on arrival.

    Args:
        arrival_clock: local time at the destination as published: 1405 is five past two in the afternoon.
    """
    import pandas as pd

    shown = pd.Series(0, index=departure.index)
    for name in zone.unique():
        local = departure[zone == name].dt.tz_convert(name)
        shown[zone == name] = local.dt.hour * 60 + local.dt.minute
    return (arrival_clock // 100 * 60 + arrival_clock % 100 - shown) % (24 * 60)


def _flight_id(flights: pd.DataFrame) -> pd.Series:
    """Date, carrier, number and origin: ``2013-01-15 UA1545 EWR``; a number flies at most once a day from an airport."""
    text = flights[["year", "month", "day", "flight"]].astype("str")
    date = text["year"] + "-" + text["month"].str.zfill(2) + "-" + text["day"].str.zfill(2)
    return date + " " + flights["carrier"] + text["flight"] + " " + flights["origin"]


def _with_plane(flights: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    known = planes.drop_duplicates("tailnum", keep="last").rename(columns={name: f"plane_{name}" for name in PLANE})
    return flights.merge(known, on="tailnum", how="left")


def _with_weather(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Each flight with the newest observation at its origin that was known when asked; NaN where that is too old."""
    import pandas as pd

    observed, oldest = weather.drop(columns="time_hour"), pd.Timedelta(hours=WEATHER_AT_MOST_OLD_HOURS)
    return as_known_at(flights, observed, by="origin", at="asked_at", known="weather_known_at", within=oldest)
