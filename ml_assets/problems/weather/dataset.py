"""The weather at the airports: what was observed in each hour, and since when it is known.

The observations' ``time_hour`` is the *beginning* of the hour in which the observation was made: airports report at minute 51
and the publisher rounded down, with the hour's rain summed. An observation therefore counts as known from the end of its hour
(``weather_known_at``), never from ``time_hour``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.errors import UnreadableFile
from ml_assets.problem import Partition, Source
from ml_assets.problems._landed import UTC_MICROSECONDS, typed

if TYPE_CHECKING:
    import pandas as pd

STRONGEST_WIND_MPH = 150  # one published observation says 1048 mph (EWR, 2013-02-12)
HOUR = {"day": "int64", "hour": "int64", "time_hour": UTC_MICROSECONDS}
OBSERVATION = dict.fromkeys(
    ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"), "float64"
)


def load_weather(partition: Partition, source: Source) -> pd.DataFrame:
    """The observations of one month, by New York's calendar, from ``<month>.parquet``.

    Returns:
        one row per airport and hour: ``origin``; ``time_hour``, when the hour began, and ``weather_known_at``, when it ended
        (UTC); and what was observed, NaN where it was not, or cannot be.
    Raises:
        NotLanded: if the file is missing.
        UnreadableFile: if it lacks columns, holds other types, or another clock.
    """
    import pandas as pd

    name = f"{partition.key}.parquet"
    observed = _with_true_hours(typed(source.parquet(name), name, OBSERVATION | HOUR | {"origin": "str"}), name)
    plausible = observed["wind_speed"].where(observed["wind_speed"] <= STRONGEST_WIND_MPH)
    known_at = observed["time_hour"] + pd.Timedelta(hours=1)
    return observed.assign(weather_known_at=known_at, wind_speed=plausible)


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
