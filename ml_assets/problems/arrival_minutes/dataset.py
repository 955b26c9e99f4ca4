"""The dataset: the flights of one month from one airport, as flight_delays reads them, here asked for the minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.problem import Monthly, Partition, Source
from ml_assets.problems.flight_delays.dataset import load_flights

if TYPE_CHECKING:
    import pandas as pd


def load_arrivals(partition: Partition, source: Source) -> pd.DataFrame:
    """The month's flights that leave from the partition's origin, with all that :func:`load_flights` says of them.

    The files are those of a month, with the flights of all origins.

    Raises:
        NotLanded, UnreadableFile: as ``load_flights`` does.
    """
    month = Monthly(start=partition.values["month"]).partition(partition.values["month"])
    flights = load_flights(month, source)
    return flights[flights["origin"] == partition.values["origin"]].reset_index(drop=True)
