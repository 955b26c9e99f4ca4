"""The dataset: one row per flight, with what was known two hours before it was to leave and, apart, what came of it.

Three clocks meet here, and each can leak the future if it runs early:

- The flights' ``time_hour`` is the hour of scheduled departure in UTC; adding ``minute`` gives the instant, also when
  New York's clocks change.
- The weather's ``time_hour`` is the *beginning* of the hour in which the observation was made: airports report at minute
  51 and the publisher rounded down, with the hour's rain summed. An observation therefore counts as known from the end
  of its hour (``weather_known_at``), never from ``time_hour``.
- Arrival times are written in the destination's local time, so its time zone is needed to know when a flight landed. The
  result never lies before departure plus time in the air (the schema checks it), and reads as the published ``arr_time``
  for all landed flights of 2013 but one, in the night the clocks changed, which counts as landed an hour late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ml_assets.errors import UnreadableFile
from ml_assets.feature_group import as_known_at
from ml_assets.problem import Partition, Source

if TYPE_CHECKING:
    import pandas as pd

ASKED_BEFORE_HOURS = 2  # the question is asked this long before scheduled departure
LATE_FROM_MINUTES = 15  # the official definition of a late arrival (US Bureau of Transportation Statistics)
WEATHER_AT_MOST_OLD_HOURS = 6  # the longest gap in the observations of 2013
STRONGEST_WIND_MPH = 150  # one published observation says 1048 mph (EWR, 2013-02-12)

UTC_MICROSECONDS = "datetime64[us, UTC]"

SCHEDULE = {
    "carrier": "str", "flight": "int64", "tailnum": "str", "origin": "str", "dest": "str", "distance": "float64",
    "sched_dep_time": "int64", "sched_arr_time": "int64",
}  # fmt: skip
OUTCOME = dict.fromkeys(("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"), "float64")
DATE = {"year": "int64", "month": "int64", "day": "int64", "minute": "int64", "time_hour": UTC_MICROSECONDS}
HOUR = {"day": "int64", "hour": "int64", "time_hour": UTC_MICROSECONDS}
OBSERVATION = dict.fromkeys(
    ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"), "float64"
)
PLANE = {"year": "float64", "seats": "float64", "engines": "float64"}


def load_flights(partition: Partition, source: Source) -> pd.DataFrame:
    """The flights of one month, by New York's calendar.

    Reads ``flights/<month>.parquet``, ``weather/<month>.parquet``, ``planes.parquet`` and ``airports.parquet``. Columns
    that are not named here are left out, so that a new one upstream changes nothing downstream; the six that say when a
    flight leaves (``year`` … ``time_hour``) become ``scheduled_departure``.

    Returns:
        one row per flight in order of scheduled departure, with ``flight_id``; the instants ``scheduled_departure``,
        ``asked_at``, ``departed_at`` and ``landed_at`` (UTC; NaT where it never happened); the schedule; what came of
        the flight, with ``late`` (1 or 0; NaN where it was cancelled or diverted); attributes of the aircraft
        (``plane_…``); and the newest weather known at the origin when asked, if it is at most six hours old.
    Raises:
        NotLanded: if one of the files is missing.
        UnreadableFile: if a file lacks columns, holds other types, other months, another clock, or no time zone for a
            destination.
    """
    flights_file, weather_file = f"flights/{partition.key}.parquet", f"weather/{partition.key}.parquet"
    flights = _typed(source.parquet(flights_file), flights_file, DATE | SCHEDULE | OUTCOME)
    weather = _typed(source.parquet(weather_file), weather_file, OBSERVATION | HOUR | {"origin": "str"})
    planes = _typed(source.parquet("planes.parquet"), "planes.parquet", PLANE | {"tailnum": "str"})
    airports = _typed(source.parquet("airports.parquet"), "airports.parquet", {"faa": "str", "tzone": "str"})
    _refuse_other_months(flights, flights_file, partition.key)
    weather = _with_true_hours(weather, weather_file)
    flights = _with_instants(flights, _time_zones(flights["dest"], airports))
    return _with_weather(_with_plane(flights, planes), weather)


def _typed(frame: pd.DataFrame, name: str, columns: Mapping[str, str]) -> pd.DataFrame:
    """The named columns of a landed file, each of its type."""
    if lacking := [column for column in columns if column not in frame.columns]:
        raise UnreadableFile(
            f"{name} lacks the columns {', '.join(lacking)}; it has {', '.join(map(str, frame.columns)) or 'none'}. "
            "It was cut or comes from another source. Land the file as it was published."
        )
    return frame[list(columns)].assign(
        **{column: _converted(frame[column], f"{name}: column {column}", dtype) for column, dtype in columns.items()}
    )


def _converted(values: pd.Series, name: str, dtype: str) -> pd.Series:
    import pandas as pd

    try:
        if dtype == UTC_MICROSECONDS:
            return pd.to_datetime(values, utc=True).dt.as_unit("us")
        return values.astype(pd.api.types.pandas_dtype(dtype))
    except (ValueError, TypeError) as error:
        raise UnreadableFile(f"{name} does not hold {dtype}: {error}. Land the file as it was published.") from error


def _refuse_other_months(flights: pd.DataFrame, name: str, month: str) -> None:
    held = flights["year"].astype("str") + "-" + flights["month"].astype("str").str.zfill(2)
    if not (held == month).all():
        others = ", ".join(sorted(set(held) - {month}))
        raise UnreadableFile(
            f"{name} holds {(held != month).sum()} flights of {others}. "
            "They would be counted twice or in the wrong month. Land one file per month."
        )


def _with_true_hours(weather: pd.DataFrame, name: str) -> pd.DataFrame:
    """The observations, if ``time_hour`` is the hour that their own ``day`` and ``hour`` show in New York.

    A clock that is five hours slow, as New York's read as UTC is, would tell of weather five hours before it came.
    """
    local = weather["time_hour"].dt.tz_convert("America/New_York").dt
    wrong = (local.day != weather["day"]) | (local.hour != weather["hour"])
    if wrong.any():
        first = weather[wrong].iloc[0]
        raise UnreadableFile(
            f"{name}: column time_hour is on another clock than day and hour in {wrong.sum()} of {len(weather)} rows: "
            f"{first['time_hour']} is not hour {first['hour']} of day {first['day']} in New York. Write time_hour in UTC, "
            "or with its time zone."
        )
    return weather.drop(columns=["day", "hour"])


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
    """Flights in order of departure with their name, their instants in UTC and their label."""
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

    known_at = weather["time_hour"] + pd.Timedelta(hours=1)
    plausible = weather["wind_speed"].where(weather["wind_speed"] <= STRONGEST_WIND_MPH)
    observed = weather.drop(columns="time_hour").assign(weather_known_at=known_at, wind_speed=plausible)
    oldest = pd.Timedelta(hours=WEATHER_AT_MOST_OLD_HOURS)
    return as_known_at(flights, observed, by="origin", at="asked_at", known="weather_known_at", within=oldest)
