"""What a command tells that makes a dataset, features or predictions: seen in the UI while it runs, noted as a training's is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from ml_assets.orchestration.metadata import SAID
from ml_assets.orchestration.observations import Observations, observations_of
from ml_assets.training.hearing import heard_by
from ml_assets.training.history import History


@dataclass(frozen=True)
class Heard:
    """What was told of one asset.

    Attributes:
        observations: what the UI is told of it.
    """

    observations: Observations
    history: History = field(default_factory=History)

    def hear(self, step: int, metrics: Mapping[str, float]) -> None:
        """See ``Listener``."""
        self.history.add(step, metrics)
        self.observations(step, {f"{SAID}/{name}": value for name, value in metrics.items()})

    def meanwhile(self) -> None:
        """See ``Listener``."""
        self.observations.catch_up()

    @property
    def notes(self) -> Mapping[str, Any]:
        """What people are told of it; nothing if nothing was said."""
        history = self.history.to_json()
        return {SAID: history} if history else {}


@contextmanager
def commands_heard(context: dg.AssetExecutionContext) -> Iterator[Heard]:
    """Inside, metrics of commands are noted, and told as observations of the asset's partition."""
    heard = Heard(observations_of(context))
    try:
        with heard_by(heard):
            yield heard
    finally:
        heard.observations.tell()
