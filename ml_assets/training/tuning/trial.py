"""One trial of a search: train with some parameters, and judge by the rows that choose.

completed   it has a score
pruned      it was given up: at the same step, half of the earlier trials were better
failed      with these parameters the training broke; why is recorded, and the search goes on
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ml_assets.classes import by_column
from ml_assets.errors import Diverged, Pruned, RankFailed
from ml_assets.problem import FeatureTable, Problem
from ml_assets.training.history import curves
from ml_assets.training.model import TrainedModel, answered_classes, predict
from ml_assets.training.run import Run
from ml_assets.training.tuning.pruning import Curve, curve_of

State = Literal["completed", "pruned", "failed"]
OF_PARAMS = (ArithmeticError, ValueError, RuntimeError, Diverged, RankFailed)
"""What parameters can do to a training (torch's want of GPU memory is a RuntimeError). Anything else, such as a TypeError, is
a mistake in the code: it would break every trial, and ends the first one loudly."""

OF_THE_GPU = "AcceleratorError"
"""torch's name, a RuntimeError too, for what a GPU or its driver did: no trial is remembered as failed for that."""

NEW_LINE = "\n"  # what follows the first one, such as a traceback, is not the same each time


@dataclass(frozen=True)
class Result:
    """What came of a trial: the same whenever and wherever it is made again.

    Attributes:
        score: the problem's first metric on the validation rows; None unless it was completed.
        steps: the last step that it logged; 0 if it logged none.
        curve: (step, value) of the metric that prunes, as it was logged.
        why: why there is no score; empty if there is one.
    """

    state: State
    score: float | None = None
    steps: int = 0
    curve: Curve = ()
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "curve": [list(point) for point in self.curve]}

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Result:
        """The inverse of ``to_json``."""
        return cls(**{**told, "curve": curve_of(told["curve"])})


@dataclass(frozen=True)
class Trial:
    """A trial of a search.

    Attributes:
        number: its place in the search, from 0.
        params: what was searched, without what is as written in the problem.
        bar: what it had to beat at each step so as not to be pruned.
        seconds: what it took, by the clock.
    """

    number: int
    params: Mapping[str, Any]
    bar: Curve
    result: Result
    seconds: float = field(default=0.0, compare=False)


def tried(problem: Problem, rows: FeatureTable, train: Callable[[], TrainedModel], run: Run, prune_on: str) -> Result:
    """Train, and judge.

    Args:
        rows: those that choose, by which it is judged.
        train: what trains with ``run``, here or in several processes.
    """
    try:
        score = _score(problem, train(), rows)
    except Pruned as pruned:
        return _ended("pruned", run, prune_on, str(pruned))
    except OF_PARAMS as error:
        refuse_of_gpu(error)
        return _ended("failed", run, prune_on, f"{type(error).__name__}: {str(error).partition(NEW_LINE)[0]}")
    if math.isnan(score):
        return _ended("failed", run, prune_on, f"its {problem.metrics[0].name} on the validation rows is no number")
    return _ended("completed", run, prune_on, score=score)


def refuse_of_gpu(error: Exception) -> None:
    """Raise one of ``OF_PARAMS`` again if it is a GPU's: that is no failure of these parameters."""
    if type(error).__name__ == OF_THE_GPU:
        raise error


def _score(problem: Problem, model: TrainedModel, rows: FeatureTable) -> float:
    import numpy as np

    answers, once = predict(problem, model, rows.features, "the trial's model"), np.ones((1, len(rows)), dtype=np.int64)
    label, answers = by_column(rows.label, answers, answered_classes(problem, model))
    return float(problem.metrics[0].compute(label, answers, once)[0])


def _ended(state: State, run: Run, prune_on: str, why: str = "", *, score: float | None = None) -> Result:
    lines = curves(run.history.to_json())
    steps = max((int(step) for line in lines.values() for step, _ in line), default=0)
    return Result(state, score, steps, tuple((int(step), value) for step, value in lines.get(prune_on, ())), why)
