"""The ice cream problem with several trainings: a line, a flatter one, and the mean, which is worst."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ml_assets.problem import Candidate, TrainingData, TrainingRun
from ml_assets_tests.doubles import ice_cream
from ml_assets_tests.doubles.ice_cream import Line, LineParams

TRAINED: list[object] = []
"""The parameters of each training in this process."""


SWEET: list[str] = []
"""With something in it, what is sour trains all the same."""


@dataclass(frozen=True)
class NoParams:
    """Of a training that has none."""


@dataclass(frozen=True)
class MeanParams:
    """With ``sour`` the training breaks; ``melted``: it answers with no number."""

    sour: bool = False
    melted: bool = False


def train(data: TrainingData, params: LineParams, run: TrainingRun) -> Line:
    TRAINED.append(params)
    return ice_cream.train(data, params, run)


def train_mean(data: TrainingData, params: MeanParams, run: TrainingRun) -> Line:
    TRAINED.append(params)
    if params.sour and not SWEET:
        raise ValueError("the milk is off")
    return Line(1e308 if params.melted else 0.0, float(np.mean(data.train.label)))


def predict(model: Line, table: pd.DataFrame) -> np.ndarray:
    with np.errstate(over="ignore"):
        return ice_cream.predict(model, table)


CANDIDATES = {
    "mean": Candidate(train_mean, MeanParams()),
    "line": Candidate(),
    "flat": Candidate(params=LineParams(ridge=20_000.0)),
}
PROBLEM = replace(ice_cream.PROBLEM, name="gelato", train=train, predict=predict, candidates=CANDIDATES)
UP_TO_MODEL = ("dataset", "features", "split", "candidates", "model")
