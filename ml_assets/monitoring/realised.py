"""How good a model proved to be, where outcomes are known: judged as an evaluation judges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ml_assets.evaluation.intervals import intervals
from ml_assets.evaluation.judge import Estimate
from ml_assets.evaluation.metrics import Answers, Mean, value_of
from ml_assets.evaluation.units import Units
from ml_assets.monitoring.report import CalibrationBin
from ml_assets.problem import Metric, Task

if TYPE_CHECKING:
    import numpy as np

BINS = 10
OBSERVED = Metric("observed", higher_is_better=True, compute=Mean(lambda label, prediction: label))


def scores(metrics: Sequence[Metric], answers: Answers, units: Sequence[Units]) -> dict[str, Estimate]:
    """Every metric with its 95 % interval by the unit of chance."""
    spreads = intervals(metrics, {"model": answers}, units)["model"]
    return {
        one.name: Estimate(value_of(one, answers), of.low, of.high, of.undefined, of.method)
        for one in metrics
        for of in (spreads[one.name],)
    }


def calibration(task: Task, answers: Answers, units: Sequence[Units]) -> tuple[CalibrationBin, ...]:
    """Predicted beside observed in up to ten bins of about as many rows, lowest first.

    Of several classes, the probability of the predicted class, and how often it is right.
    """
    import numpy as np

    predicted, came = _predicted(task, answers)
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, BINS + 1)[1:-1]))
    of = np.searchsorted(edges, predicted)
    return tuple(_bin(predicted, came, np.flatnonzero(of == one), units) for one in np.unique(of))


def _predicted(task: Task, answers: Answers) -> tuple[np.ndarray, np.ndarray]:
    label, prediction = answers.label, answers.prediction
    if prediction.ndim == 1:
        return prediction, label
    if task == "multiclass":
        return prediction.max(axis=1), (prediction.argmax(axis=1) == label).astype(float)
    return prediction[:, 0], label


def _bin(predicted: np.ndarray, came: np.ndarray, rows: np.ndarray, units: Sequence[Units]) -> CalibrationBin:
    answers = Answers(came[rows], predicted[rows])
    observed = scores([OBSERVED], answers, [of.rows(rows) for of in units])["observed"]
    return CalibrationBin(float(predicted[rows].mean()), observed.value, observed.low, observed.high, len(rows))


def by_unit(metric: Metric, answers: Answers, unit: np.ndarray, count: int) -> np.ndarray:
    """The metric of each unit's rows, shape (count,); NaN where it is undefined or there are none."""
    import numpy as np

    found = np.full(count, np.nan)
    for one in range(count):
        rows = np.flatnonzero(unit == one)
        if len(rows):
            found[one] = value_of(metric, Answers(answers.label[rows], answers.prediction[rows]))
    return found
