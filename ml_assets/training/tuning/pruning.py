"""When a trial is given up: at some step it is worse than the median of earlier trials was at that step.

The bar is made from the rounds before the trial's own, which are over when it begins: it is the same in every run that
searches again, and belongs to what a trial is made of.

Source: the median stopping rule of Golovin et al., Google Vizier (2017), with the best value so far of each trial.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from ml_assets.errors import Pruned
from ml_assets.training.history import curves
from ml_assets.training.run import Run

Curve = tuple[tuple[int, float], ...]
"""(step, value), in the order of steps; lower values are better."""

FEWEST_CURVES = 4  # of which a median says something
WARM_UP = 0.25  # of the longest trial's steps: first steps tell a fast start from a good end badly


def curve_of(points: Iterable[Sequence[float]]) -> Curve:
    """What plain values, as from JSON, say."""
    return tuple((int(step), float(value)) for step, value in points)


def bar(earlier: Sequence[Curve]) -> Curve:
    """What a trial has to beat: the median of the earlier ones' best so far, at each step of the longest.

    Empty while there are too few. A trial that ended before a step counts with its best.
    """
    known = [curve for curve in earlier if curve]
    if len(known) < FEWEST_CURVES:
        return ()
    longest = max(known, key=lambda curve: curve[-1][0])
    steps = [step for step, _ in longest if step >= WARM_UP * longest[-1][0]]
    reached = {step: [best for curve in known if (best := best_until(curve, step)) is not None] for step in steps}
    return tuple((step, median(values)) for step, values in reached.items())


def best_until(curve: Curve, step: int) -> float | None:
    """The lowest value up to a step; None before the first."""
    return min((value for at, value in curve if at <= step), default=None)


@dataclass(frozen=True)
class TrialRun(Run):
    """The surroundings of a training that is a trial: it is given up where it does not beat the bar."""

    prune_on: str = ""
    bar: Curve = ()

    @classmethod
    def of(cls, run: Run, prune_on: str, bar: Curve) -> TrialRun:
        """The same run, watched."""
        return cls(**{f.name: getattr(run, f.name) for f in dataclasses.fields(Run)}, prune_on=prune_on, bar=bar)

    def log(self, step: int, **metrics: float) -> None:
        """Report progress.

        Raises:
            Pruned: if this trial is worse than half of the earlier ones were at this step.
        """
        super().log(step, **metrics)
        due = [value for at, value in self.bar if at <= step]
        if not due or self.prune_on not in metrics:
            return
        logged = tuple((int(at), value) for at, value in curves(self.history.to_json()).get(self.prune_on, ()))
        best = best_until(logged, step)
        if best is None or best > due[-1]:
            raise Pruned(
                f"Given up after step {step}: the best {self.prune_on} was {'none' if best is None else f'{best:.6g}'}, "
                f"and half of the earlier trials had {due[-1]:.6g} or less by then."
            )
