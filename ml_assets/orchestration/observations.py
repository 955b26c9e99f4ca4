"""What a training logs, in the UI while it trains: observations of its partition, now and then.

They carry no data version: nobody downstream is woken, and nothing looks changed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

import dagster as dg

EVERY_SECONDS = 10.0  # each is a row in Dagster's database for ever


class Observations:
    """Tells the newest number of each metric, at most once per interval, and what was not told yet at the end.

    Args:
        tell: given the numbers by name.
        clock: seconds, from anywhere.
    """

    def __init__(
        self,
        tell: Callable[[dict[str, float]], None],
        every_seconds: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell, self._every, self._clock = tell, every_seconds, clock
        self._newest: dict[str, float] = {}
        self._told_at = -math.inf
        self._is_told = True

    def __call__(self, step: int, metrics: Mapping[str, float]) -> None:
        """Hear of a step. What is no finite number makes no point in a plot."""
        finite = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
        self._newest |= {"step": step, **finite}
        self._is_told = False
        self.catch_up()

    def catch_up(self) -> None:
        """Tell what was heard, once the interval is over: what logs seldom is not asked to log again first."""
        if self._clock() - self._told_at >= self._every:
            self.tell()

    def tell(self) -> None:
        """Tell what was heard since the last time, if anything was."""
        if not self._is_told:
            self._tell(dict(self._newest))
            self._told_at, self._is_told = self._clock(), True


def observations_of(context: dg.AssetExecutionContext) -> Observations:
    """Of the asset and partition that a step makes."""

    def tell(numbers: dict[str, float]) -> None:
        observed = dg.AssetObservation(context.asset_key, partition=context.partition_key, metadata=numbers)
        context.log_event(observed)

    return Observations(tell)
