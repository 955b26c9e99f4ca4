"""A clock that runs only when somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ml_assets.store import Patience


@dataclass
class Hourglass:
    """Attributes: ``meanwhile`` happens during each sleep."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.meanwhile()

    def patience(self, seconds: float = 300.0, at_first: float = 30.0, chance: float = 0.0) -> Patience:
        return Patience(seconds, at_first, clock=lambda: self.now, sleep=self.sleep, chance=lambda: chance)
