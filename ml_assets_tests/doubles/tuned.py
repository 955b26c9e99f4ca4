"""The two tiny problems with their parameters searched for.

LEMONADE    like ice_cream; the flatter its line (``ridge``), the worse: what is best is known
UMBRELLAS   like umbrellas: months, scikit-learn
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ml_assets.problem import FeatureTable, Range, TrainingData, TrainingRun, Tuning
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.ice_cream import Line

STEPS = 8


@dataclass(frozen=True)
class LemonadeParams:
    """With ``sour`` the training breaks."""

    ridge: float = 2000.0
    sour: bool = False
    note: str = ""


TRAINED: list[LemonadeParams] = []
"""The parameters of each training in this process."""

KILLED_AT: list[int] = []
"""The trainings that are killed, counted as ``TRAINED`` does."""


def train(data: TrainingData, params: LemonadeParams, run: TrainingRun) -> Line:
    TRAINED.append(params)
    _perhaps_killed()
    if params.sour:
        raise ValueError("the juice is out")
    for step in range(1, STEPS + 1):
        run.log(step, loss=1.0 + params.ridge / step)
    return _line(data.train, params.ridge)


def _perhaps_killed() -> None:
    if len(TRAINED) in KILLED_AT:
        raise KeyboardInterrupt


def _line(rows: FeatureTable, ridge: float) -> Line:
    x, y = rows.features["celsius"].to_numpy(), rows.label
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / (((x - x.mean()) ** 2).sum() + ridge))
    return Line(slope, float(y.mean() - slope * x.mean()))


TUNING = Tuning({"ridge": Range(0.0, 10_000.0)}, trials=6, parallel=2)
LEMONADE = replace(ice_cream.PROBLEM, name="lemonade", train=train, params=LemonadeParams(), tuning=TUNING)
UMBRELLAS = replace(umbrellas.PROBLEM, tuning=Tuning({"c": Range(1e-3, 10.0, log=True)}, trials=4, parallel=2))
UP_TO_MODEL = ("dataset", "features", "split", "study", "model")

PROBLEM = LEMONADE
"""By this name a rebuild finds it in the recorded source."""
