"""A window of feature tables that are in memory, read as those of a store are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ml_assets.problem import FeatureTable
from ml_assets.training.window import Window


@dataclass(frozen=True)
class Held:
    """See ``ml_assets.training.union.Table``."""

    table: FeatureTable

    def types(self, field: str) -> pd.DataFrame:
        frame: pd.DataFrame = getattr(self.table, field).head(0)
        return frame

    def count(self, field: str) -> int:
        return len(getattr(self.table, field))

    def batches(self, field: str, rows: int, columns: Sequence[str] | None = None) -> Iterator[Any]:
        whole = getattr(self.table, field)
        read = whole if columns is None else whole[list(columns)]
        for first in range(0, max(1, len(read)), rows):
            yield read[first : first + rows]


def window(tables: Mapping[str, FeatureTable]) -> FeatureTable:
    """All rows of these partitions, oldest first."""
    return Window({partition: Held(table) for partition, table in tables.items()}).every_row()
