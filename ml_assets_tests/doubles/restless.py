"""The umbrellas again, by a training that draws without a seed: it never comes out the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml_assets.problem import TrainingData, TrainingRun
from ml_assets_tests.doubles import umbrellas


def train(data: TrainingData, params: umbrellas.LogisticParams, run: TrainingRun):
    return umbrellas.train(data, replace(params, c=np.random.default_rng().uniform(0.1, 10)), run)


PROBLEM = replace(umbrellas.PROBLEM, name="restless", train=train)
