"""A challenger that is asked beside the champion: what it says is counted and compared, and never returned.

It has a thread of its own, and a queue that drops what it cannot keep up with: nobody who asks ever waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.errors import NotAnswered
from ml_assets.serving.lane import Lane
from ml_assets.serving.loaded import CODE_FAILS, Answer, Loaded
from ml_assets.serving.metrics import Metrics

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Shadow:
    """A loaded challenger, its thread, and where it is counted."""

    loaded: Loaded
    lane: Lane
    metrics: Metrics
    name: str

    def ask(self, given: Mapping[str, Any] | pd.DataFrame, champion: Answer) -> None:
        """Have it asked about the rows that the champion answered; returns at once."""
        try:
            self.lane.enter(lambda: self._compare(given, champion))
        except NotAnswered:
            self._count("shadow_rows", len(champion.values), outcome="dropped")

    def _compare(self, given: Any, champion: Answer) -> None:
        rows = len(champion.values)
        try:
            features = self.loaded.features_of(given, "missing") if isinstance(given, Mapping) else given
            said = self.loaded.answer(features)
        except CODE_FAILS:
            self._count("shadow_rows", rows, outcome="failed")
            return
        self._count("shadow_rows", rows, outcome="answered")
        if said.values.shape == champion.values.shape and said.classes == champion.classes:
            apart = abs(said.values.astype(float) - champion.values.astype(float)).reshape(rows, -1)
            self._count("shadow_equal_rows", float((apart == 0).all(axis=1).sum()))
            self._count("shadow_difference_sum", float(apart.sum()))

    def _count(self, name: str, amount: float, **labels: str) -> None:
        self.metrics.add(name, amount, model=self.name, shadow=self.loaded.key.version, **labels)
