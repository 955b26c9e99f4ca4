"""The dataset: one row per flight, with what was known two hours before it was to leave and, apart, what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.problem import Partition, Source

if TYPE_CHECKING:
    import pandas as pd


def load_flights(partition: Partition, source: Source) -> pd.DataFrame:
    """The month's flights, as the feature group ``flights`` has them."""
    return source.table("flights")
