"""Pairs of models that are equally good by a metric: what a rule of promotion must not tell apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml_assets.evaluation.metrics import (
    ACCURACY,
    AUROC,
    AVERAGE_PRECISION,
    BRIER,
    CALIBRATION_ERROR,
    LOG_LOSS,
    MAE,
    RMSE,
)
from ml_assets.evaluation.percentiles import COVERAGE, PINBALL_LOSS
from ml_assets.problem import Metric

Pair = tuple[np.ndarray, np.ndarray, np.ndarray]  # label, answers of the challenger, answers of the champion
Draw = Callable[[np.random.Generator, int], Pair]


@dataclass(frozen=True)
class Case:
    """A metric and what it judges."""

    metric: Metric
    name: str
    draw: Draw

    def __str__(self) -> str:
        return f"{self.metric.name} of {self.name}"


def two_classes(rate: float) -> Draw:
    """Both models see the truth through noise of the same size."""

    def draw(rng: np.random.Generator, rows: int) -> Pair:
        label = (rng.random(rows) < rate).astype(float)
        prior = np.log(rate / (1 - rate))
        a, b = (1 / (1 + np.exp(-(prior + 2 * label - 1 + rng.normal(size=rows)))) for _ in range(2))
        return label, a, b

    return draw


def four_classes(rng: np.random.Generator, rows: int) -> Pair:
    """The same, of four classes."""
    label = rng.integers(0, 4, rows)
    odds = [np.exp(1.2 * np.eye(4)[label] + rng.normal(size=(rows, 4))) for _ in range(2)]
    a, b = (of / of.sum(axis=1, keepdims=True) for of in odds)
    return label.astype(float), a, b


def values(noise: Callable[[np.random.Generator, int], np.ndarray]) -> Draw:
    """Both models err by noise of the same kind."""

    def draw(rng: np.random.Generator, rows: int) -> Pair:
        label = rng.normal(size=rows)
        return label, label + noise(rng, rows), label + noise(rng, rows)

    return draw


def intervals(rng: np.random.Generator, rows: int) -> Pair:
    """Values with bounds."""
    label = rng.normal(size=rows)
    middle = [label + rng.normal(size=rows) for _ in range(2)]
    a, b = (np.column_stack([of, of - 0.5 - rng.random(rows), of + 0.5 + rng.random(rows)]) for of in middle)
    return label, a, b


def normal(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Errors without surprises."""
    return rng.normal(size=rows)


def heavy(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Errors of which some are very large."""
    return rng.standard_t(2, size=rows)


def seldom(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Errors of which most are the same: differences are mostly ties."""
    return (rng.random(rows) < 0.1).astype(float)


OF_TWO = (AUROC, AVERAGE_PRECISION, CALIBRATION_ERROR, LOG_LOSS, BRIER, ACCURACY)
CASES = (
    *(Case(metric, "two classes", two_classes(0.5)) for metric in OF_TWO),
    *(Case(metric, "a class of 5 %", two_classes(0.05)) for metric in OF_TWO),
    *(Case(metric, "four classes", four_classes) for metric in (LOG_LOSS, BRIER, ACCURACY, CALIBRATION_ERROR)),
    *(Case(metric, "normal errors", values(normal)) for metric in (MAE, RMSE)),
    *(Case(metric, "heavy-tailed errors", values(heavy)) for metric in (MAE, RMSE)),
    *(Case(metric, "errors that are mostly ties", values(seldom)) for metric in (MAE, RMSE)),
    *(Case(metric, "intervals", intervals) for metric in (PINBALL_LOSS, COVERAGE)),
)
