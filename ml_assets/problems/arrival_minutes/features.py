"""The features: those of flight_delays, as known two hours before the flight is to leave, of one airport's flights alone.

So the totals over a destination, a carrier or an aircraft count what left from this airport; and where a flight leaves from
is the same for all rows and tells nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.problems.flight_delays import features as of_flights

if TYPE_CHECKING:
    import pandas as pd


def build_features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    """The features of each flight of ``data``: see ``flight_delays``; ``str`` for dest and carrier, else ``float64``."""
    return of_flights.build_features(history, data).drop(columns="origin")
