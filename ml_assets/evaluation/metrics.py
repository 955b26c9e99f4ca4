"""Metrics as scikit-learn defines them, computed over many resamples of the same rows at once.

A bootstrap asks for one metric a thousand times over the same predictions, each time with other counts per row. Here the
rows are sorted once and the counts are a matrix ``weights`` of shape (b, n), so that a thousand resamples cost about as
much as ten calls of scikit-learn. Work goes through blocks of rows that fit a core's cache.

Every metric is NaN where it is undefined: no row counts, or a ranking metric sees one class only. To give a metric its
unit: ``dataclasses.replace(MAE, unit="minutes")``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ml_assets.classes import Classes, by_column
from ml_assets.errors import InvalidPrediction
from ml_assets.problem import Metric

if TYPE_CHECKING:
    import numpy as np

CELLS_AT_ONCE = (
    1 << 16
)  # of a block of weights: its temporaries stay in a core's cache (measured 2-4 times faster than 1 << 20)
CALIBRATION_BINS = 10


def value(metric: Metric, label: np.ndarray, prediction: np.ndarray, classes: Classes = ()) -> float:
    """The metric over all rows, each counted once; NaN where it is undefined.

    Args:
        label: shape (n,), no NaN.
        prediction: shape (n,), (n, classes) or, with intervals, (n, 3).
        classes: of several classes, that of each column; without them the labels are the places of their columns.
    """
    import numpy as np

    label, prediction = by_column(label, prediction, classes)
    return float(metric.compute(label, prediction, np.ones((1, len(label)), dtype=np.int64))[0])


def written(number: float, unit: str = "1", *, apart_from: float | None = None) -> str:
    """A metric as people read it: three decimals, more where it is small or where ``apart_from`` would look the same.

    >>> written(0.57996, apart_from=0.58), written(14.21, "minutes"), written(float("nan"))
    ('0.57996', '14.210 minutes', 'undefined')
    """
    if math.isnan(number):
        return "undefined"
    decimals = 3
    while decimals < 12 and _looks_wrong(number, apart_from, decimals):
        decimals += 1
    return f"{number:,.{decimals}f}" + ("" if unit == "1" else f" {unit}")


def _looks_wrong(number: float, apart_from: float | None, decimals: int) -> bool:
    if number != 0 and round(number, decimals) == 0:
        return True
    return apart_from is not None and number != apart_from and round(number, decimals) == round(apart_from, decimals)


# ---------------------------------------------------------------- ranking: binary label, one score per row


def _average_precision(label: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean precision over thresholds, weighted by the recall each adds; no interpolation.

    Source: ``sklearn.metrics.average_precision_score``.
    """
    return _over_thresholds(label, prediction, weights, _precision_by_recall)


def _auroc(label: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Chance that a random positive scores above a random negative, ties counted half.

    Source: ``sklearn.metrics.roc_auc_score``.
    """
    return _over_thresholds(label, prediction, weights, _area_under_curve)


def _precision_by_recall(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    import numpy as np

    precision = _ratio(positives, positives + negatives, where_zero=0.0)
    area: np.ndarray = (np.diff(positives, axis=1, prepend=0) * precision).sum(axis=1) / positives[:, -1]
    return area


def _area_under_curve(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    import numpy as np

    middle = positives - np.diff(positives, axis=1, prepend=0) / 2  # of the trapezoid's two heights
    area = (np.diff(negatives, axis=1, prepend=0) * middle).sum(axis=1)
    share: np.ndarray = area / (positives[:, -1].astype(float) * negatives[:, -1])
    return share


def _over_thresholds(
    label: np.ndarray,
    prediction: np.ndarray,
    weights: np.ndarray,
    summarise: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Apply ``summarise`` to the counts of positives and negatives at or above each distinct score, both (b, thresholds)."""
    import numpy as np

    score = _one_score_per_row(prediction)
    result = np.full(len(weights), np.nan)
    if not len(score):
        return result
    order = np.argsort(-score, kind="stable")
    first_of_ties = np.flatnonzero(np.append(True, np.diff(score[order]) != 0))
    positive = (label[order] == 1).astype(weights.dtype)
    for at, block in _blocks(weights):
        counts = np.take(block, order, axis=1)
        positives, negatives = counts * positive, counts * (1 - positive)
        if len(first_of_ties) < len(order):
            positives, negatives = (np.add.reduceat(part, first_of_ties, axis=1) for part in (positives, negatives))
        for part in (positives, negatives):  # in place and in their own type: four times as fast as in 64 bits
            np.cumsum(part, axis=1, dtype=part.dtype, out=part)
        both = (positives[:, -1] > 0) & (negatives[:, -1] > 0)
        result[at][both] = summarise(positives[both], negatives[both])
    return result


def _one_score_per_row(prediction: np.ndarray) -> np.ndarray:
    if prediction.ndim != 1:
        raise InvalidPrediction(
            f"Predictions have shape {prediction.shape}, but this metric ranks one score per row. "
            "Let predict return the probability of label 1, shape (n,), or choose metrics for several classes: "
            "accuracy, log_loss, brier, calibration_error."
        )
    return prediction


# ---------------------------------------------------------------- probabilities


def _brier(label: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean squared error of probabilities; of several classes, summed over them (range 0 to 2).

    Source: Brier (1950); ``sklearn.metrics.brier_score_loss``.
    """
    import numpy as np

    if prediction.ndim == 1:
        return weighted_mean((prediction - label) ** 2, weights)
    truth = label[:, None] == np.arange(prediction.shape[1])
    return weighted_mean(((prediction - truth) ** 2).sum(axis=1), weights)


def _log_loss(label: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean negative log probability of what happened, in nats; probabilities are kept off 0 and 1 by the type's epsilon.

    Source: ``sklearn.metrics.log_loss``.
    """
    import numpy as np

    if prediction.ndim == 1:
        happened = np.where(label == 1, prediction, 1 - prediction)
    else:
        happened = prediction[np.arange(len(label)), label.astype(int)]
    epsilon = np.finfo(happened.dtype).eps
    return weighted_mean(-np.log(np.clip(happened, epsilon, 1 - epsilon)), weights)


def _calibration_error(label: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Expected calibration error: mean over rows of |observed rate - mean probability| of the row's bin.

    Ten equal-width bins, closed on the right. Of several classes, the predicted class's probability and whether it is right.

    Source: Naeini et al. (2015), Obtaining Well Calibrated Probabilities; bins as ``sklearn.calibration.calibration_curve``.
    """
    import numpy as np

    if prediction.ndim == 1:
        confidence, hit = prediction, label
    else:
        confidence, hit = prediction.max(axis=1), prediction.argmax(axis=1) == label
    bin_of = np.searchsorted(np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1], confidence)
    excess = np.where(bin_of[:, None] == np.arange(CALIBRATION_BINS), (confidence - hit)[:, None], 0.0)  # (n, bins)
    return _ratio(abs(_product(weights, excess)).sum(axis=1), weights.sum(axis=1))


def _accuracy(label: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of rows whose predicted class is right: the most probable one, or 1 from a probability of 0.5."""
    predicted = prediction >= 0.5 if prediction.ndim == 1 else prediction.argmax(axis=1)
    return weighted_mean(predicted == label, weights)


# ---------------------------------------------------------------- regression


def _mae(label: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean absolute error, in the label's unit."""
    return weighted_mean(abs(_one_value_per_row(prediction) - label), weights)


def _rmse(label: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Root of the mean squared error, in the label's unit."""
    import numpy as np

    root: np.ndarray = np.sqrt(weighted_mean((_one_value_per_row(prediction) - label) ** 2, weights))
    return root


def _one_value_per_row(prediction: np.ndarray) -> np.ndarray:
    """The values (n,), of a prediction with or without intervals; see ``percentiles``."""
    if prediction.ndim == 2 and prediction.shape[1] == 3:
        value: np.ndarray = prediction[:, 0]
        return value
    return _one_score_per_row(prediction)


# ---------------------------------------------------------------- arithmetic over blocks of weights


def _blocks(weights: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    rows = max(1, CELLS_AT_ONCE // max(1, weights.shape[1]))
    for start in range(0, len(weights), rows):
        at = slice(start, start + rows)
        yield at, weights[at]


def _product(weights: np.ndarray, per_row: np.ndarray) -> np.ndarray:
    """``weights @ per_row`` in float64 without ever holding all weights as floats."""
    import numpy as np

    parts = [block.astype(float) @ per_row.astype(float) for _, block in _blocks(weights)]
    return np.concatenate(parts) if parts else np.empty((0, *per_row.shape[1:]))


def weighted_mean(per_row: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean of ``per_row`` (n,) under each row of ``weights`` (b, n): shape (b,), NaN where nothing counts.

    Infinite where a row counts that is; a row that does not count never matters.
    """
    import numpy as np

    infinite = np.isinf(per_row)
    if not infinite.any():
        return _ratio(_product(weights, per_row), weights.sum(axis=1))
    mean = weighted_mean(np.where(infinite, 0, per_row), weights)
    with np.errstate(invalid="ignore"):  # both signs: inf - inf
        for sign in (1, -1):
            counts = (weights[:, infinite & (per_row * sign > 0)] > 0).any(axis=1)
            mean = mean + np.where(counts, sign * np.inf, 0)
    return mean


def _ratio(numerator: np.ndarray, denominator: np.ndarray, *, where_zero: float = float("nan")) -> np.ndarray:
    import numpy as np

    result = np.full(numerator.shape, where_zero)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result


# ---------------------------------------------------------------- the metrics

AVERAGE_PRECISION = Metric("average_precision", higher_is_better=True, compute=_average_precision)
AUROC = Metric("auroc", higher_is_better=True, compute=_auroc)
BRIER = Metric("brier", higher_is_better=False, compute=_brier)
LOG_LOSS = Metric("log_loss", higher_is_better=False, compute=_log_loss, unit="nats")
CALIBRATION_ERROR = Metric("calibration_error", higher_is_better=False, compute=_calibration_error)
ACCURACY = Metric("accuracy", higher_is_better=True, compute=_accuracy)
MAE = Metric("mae", higher_is_better=False, compute=_mae)
RMSE = Metric("rmse", higher_is_better=False, compute=_rmse)
