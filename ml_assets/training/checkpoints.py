"""When a training's state is kept: often enough to lose little, seldom enough to cost little.

Where it is kept is told by a ``Place``; a store has one per computation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ml_assets.problem import Checkpoint

EVERY_SECONDS = 30.0
LARGEST_SHARE = 0.03  # of a training's time that may go into saving


class Found(Protocol):
    """A state that was kept; see ``ml_assets.store.Saved``."""

    @property
    def step(self) -> int:
        """After how many steps."""
        ...

    @property
    def state(self) -> Any:
        """What was saved."""
        ...

    @property
    def interruptions(self) -> int:
        """How often the training had been begun again by then."""
        ...


class Place(Protocol):
    """Where the states of one training lie; see ``ml_assets.store.CheckpointLog``."""

    def save(self, step: int, state: Any, *, interruptions: int = 0) -> None:
        """Keep a state, whole or not at all."""
        ...

    def latest(self) -> Found | None:
        """The newest one that is whole."""
        ...


class Kept:
    """Checkpoints in a place; see ``ml_assets.problem.Checkpoints``.

    Args:
        report: told when the training goes on from one.
        every_seconds: how long to wait between two, and before the first.
        every_steps: the same in steps, where more than 0; whichever comes first.
        clock: seconds, from anywhere.

    Attributes:
        resumed: ``resumed from step 1200, 2 interruptions``; empty if it began at the beginning.
    """

    def __init__(
        self,
        place: Place,
        report: Callable[[str], None],
        *,
        every_seconds: float = EVERY_SECONDS,
        every_steps: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place, self._report, self._clock = place, report, clock
        self._every_seconds, self._every_steps = every_seconds, every_steps
        self._step, self._at, self._took = 0, clock(), 0.0
        self._interruptions, self.resumed = 0, ""

    def latest(self) -> Checkpoint | None:
        """See ``Checkpoints``."""
        found = self._place.latest()
        if found is None:
            return None
        if not self.resumed:
            self._interruptions, self._step = found.interruptions + 1, found.step
            times = "interruption" if self._interruptions == 1 else "interruptions"
            self.resumed = f"resumed from step {found.step}, {self._interruptions} {times}"
            self._report(self.resumed)
        return Checkpoint(found.step, found.state)

    def is_due(self, step: int) -> bool:
        """See ``Checkpoints``: the time since the last one also pays for what that took."""
        waited = self._clock() - self._at
        is_time = waited >= self._every_seconds or 0 < self._every_steps <= step - self._step
        return is_time and waited >= self._took / LARGEST_SHARE

    def save(self, step: int, state: Mapping[str, Any]) -> None:
        """See ``Checkpoints``."""
        began = self._clock()
        self._place.save(step, state, interruptions=self._interruptions)
        self._step, self._at = step, self._clock()
        self._took = self._at - began
