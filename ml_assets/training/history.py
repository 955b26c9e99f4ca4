"""What a training reported, kept small: a curve has the same shape with two hundred points as with a million."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_POINTS = 200  # of a series


class History:
    """The metrics that a training logged, by step; each series is thinned evenly as it grows, and its last point kept."""

    def __init__(self) -> None:
        self._series: dict[str, _Series] = {}

    def add(self, step: int, metrics: Mapping[str, float]) -> None:
        """Remember what was logged at a step; of a step that is logged again, the later numbers."""
        for name, value in metrics.items():
            self._series.setdefault(name, _Series()).add(int(step), float(value))

    def to_json(self) -> dict[str, Any]:
        """``{"step": [0, 10], "train_loss": [0.7, null]}``: null where not logged or not finite; empty if nothing was."""
        values = {name: series.values() for name, series in self._series.items()}
        steps = sorted({step for by_step in values.values() for step in by_step})
        columns = {name: [_finite(by_step.get(step)) for step in steps] for name, by_step in values.items()}
        return {"step": steps, **columns} if steps else {}


def curves(training: Mapping[str, Any]) -> dict[str, list[tuple[float, float]]]:
    """The series of ``History.to_json`` as points (step, value), in the order of their names; what is null is left out."""
    steps = training.get("step", [])
    return {
        name: [(step, value) for step, value in zip(steps, values, strict=True) if value is not None]
        for name, values in training.items()
        if name != "step"
    }


@dataclass
class _Series:
    """Every ``stride``-th point; the stride doubles whenever there would be too many."""

    points: list[tuple[int, float]] = field(default_factory=list)
    last: tuple[int, float] = (0, math.nan)
    seen: int = 0
    stride: int = 1

    def add(self, step: int, value: float) -> None:
        self.last = (step, value)
        if self.seen % self.stride == 0:
            if len(self.points) == MOST_POINTS - 1:
                self.points, self.stride = self.points[::2], 2 * self.stride
            if self.seen % self.stride == 0:
                self.points.append(self.last)
        self.seen += 1

    def values(self) -> dict[int, float]:
        return dict([*self.points, self.last])


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
