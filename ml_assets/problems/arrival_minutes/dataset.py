"""The dataset: the flights of one month from one airport, with what was known two hours before and what came of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.problem import Partition, Source

if TYPE_CHECKING:
    import pandas as pd


def load_arrivals(partition: Partition, source: Source) -> pd.DataFrame:
    """The month's flights that leave from the partition's origin, as the feature group ``flights`` has them."""
    flights = source.table("flights")
    return flights[flights["origin"] == partition.values["origin"]].reset_index(drop=True)
