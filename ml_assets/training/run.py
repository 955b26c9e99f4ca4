"""A training's surroundings: its seed and device, where its progress and its state go, and who trains with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ml_assets.errors import Interrupted
from ml_assets.problem import Checkpoint, Checkpoints, Ranks
from ml_assets.training.history import History


@dataclass(frozen=True)
class Alone:
    """One process that trains by itself."""

    rank: int = 0
    size: int = 1


class NotKept:
    """Checkpoints that are nowhere: a training that is interrupted begins again."""

    def latest(self) -> Checkpoint | None:
        """None."""
        return None

    def is_due(self, step: int) -> bool:
        """Never."""
        return False

    def save(self, step: int, state: Mapping[str, Any]) -> None:
        """Forget it."""


@dataclass(frozen=True)
class Run:
    """See ``ml_assets.problem.TrainingRun``.

    Attributes:
        report: where its progress goes, a line at a time.
        asked_to_stop: whether this process is about to be taken away.
        told: who else hears of each ``log``; it may raise ``Pruned``.
        storable: raises ``UnsupportedType`` for what the store would not take.
    """

    seed: int
    report: Callable[[str], None]
    device: str = "cpu"
    ranks: Ranks = field(default_factory=Alone)
    checkpoints: Checkpoints = field(default_factory=NotKept)
    asked_to_stop: Callable[[], bool] = lambda: False
    history: History = field(default_factory=History)
    told: Callable[[int, Mapping[str, float]], None] = lambda step, metrics: None
    storable: Callable[[Any], None] = lambda model: None

    @property
    def should_stop(self) -> bool:
        """Whether this process is about to be taken away."""
        return self.asked_to_stop()

    def check_storable(self, model: Any) -> None:
        """Raise now what storing ``model`` would raise when it is trained."""
        self.storable(model)

    def stop(self, step: int) -> NoReturn:
        """End after ``step`` steps, which were saved."""
        raise Interrupted(
            f"Training was asked to stop after step {step} and saved. Start it again: it goes on from there."
        )

    def log(self, step: int, **metrics: float) -> None:
        """Report progress as one line: ``step 20: train_loss 0.41, validation_loss 0.44``."""
        self.history.add(step, metrics)
        self.report(f"step {step}: " + ", ".join(f"{name} {value:.6g}" for name, value in metrics.items()))
        self.told(step, metrics)
