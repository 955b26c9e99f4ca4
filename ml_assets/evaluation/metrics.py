"""Metrics as scikit-learn defines them, computed over many resamples of the same rows at once.

A bootstrap asks for one metric a thousand times over the same predictions, each time with other counts per row. Here the
counts are a matrix ``weights`` of shape (b, n), and what does not depend on them is done once, by ``prepared``: a `Mean` finds
the loss of each row, a `Ranking` sorts the rows. A thousand resamples then cost about as much as a few calls of
scikit-learn. Work goes through blocks of resamples that fit a core's cache.

Every metric is NaN where it is undefined: no row counts, or a ranking metric sees one class only. To give a metric its
unit: ``dataclasses.replace(MAE, unit="minutes")``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from ml_assets.classes import Classes, by_column
from ml_assets.errors import InvalidPrediction
from ml_assets.problem import Metric

if TYPE_CHECKING:
    import numpy as np

    Weighed = Callable[[np.ndarray], np.ndarray]  # weights (b, n) -> the metric under each, (b,)

CELLS_AT_ONCE = 1 << 16  # of a block of weights: its temporaries stay in a core's cache (2-4 times faster than 1 << 20)
CALIBRATION_BINS = 10


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model said of rows whose label is known; what several metrics need of them is done once.

    Attributes:
        label: shape (n,), no NaN.
        prediction: shape (n,), (n, classes) or, with intervals, (n, 3).
    """

    label: np.ndarray
    prediction: np.ndarray

    @cached_property
    def thresholds(self) -> Thresholds:
        """The rows sorted by score."""
        return Thresholds.of(self.label, self.prediction)


def prepared(metric: Metric, answers: Answers) -> Weighed:
    """The metric of these rows as a function of their weights; what does not depend on the weights is done once."""
    if isinstance(metric.compute, Mean | Ranking):
        return metric.compute.prepared(answers)
    return partial(metric.compute, answers.label, answers.prediction)


def value(metric: Metric, label: np.ndarray, prediction: np.ndarray, classes: Classes = ()) -> float:
    """The metric over all rows, each counted once; NaN where it is undefined.

    Args:
        label: shape (n,), no NaN.
        prediction: shape (n,), (n, classes) or, with intervals, (n, 3).
        classes: of several classes, that of each column; without them the labels are the places of their columns.
    """
    return value_of(metric, Answers(*by_column(label, prediction, classes)))


def value_of(metric: Metric, answers: Answers) -> float:
    """The same of answers whose label is the place of the class's column."""
    import numpy as np

    return float(prepared(metric, answers)(np.ones((1, len(answers.label)), dtype=np.int64))[0])


MOST_DECIMALS = 12  # of a number that people read


def written(number: float, unit: str = "1", *, apart_from: float | None = None) -> str:
    """A metric as people read it: three decimals, more where it is small or where ``apart_from`` would look the same.

    >>> written(0.57996, apart_from=0.58), written(14.21, "minutes"), written(float("nan"))
    ('0.57996', '14.210 minutes', 'undefined')
    """
    if math.isnan(number):
        return "undefined"
    if abs(number) < 0.5 * 10**-MOST_DECIMALS:  # what sums leave of nothing
        number = 0.0
    decimals = 3
    while decimals < MOST_DECIMALS and _looks_wrong(number, apart_from, decimals):
        decimals += 1
    return f"{number:,.{decimals}f}" + ("" if unit == "1" else f" {unit}")


def _looks_wrong(number: float, apart_from: float | None, decimals: int) -> bool:
    if number != 0 and round(number, decimals) == 0:
        return True
    return apart_from is not None and number != apart_from and round(number, decimals) == round(apart_from, decimals)


# ---------------------------------------------------------------- ranking: binary label, one score per row


class Counts(NamedTuple):
    """How many rows count under each of b weights, at the thresholds that some positive reaches exactly, highest first.

    Attributes:
        positives: at each threshold, shape (b, thresholds).
        so_far: positives at or above it, the same shape.
        above, down_to: all rows above it, and at or above it, the same shape.
        rows: all rows, shape (b,).
    """

    positives: np.ndarray
    so_far: np.ndarray
    above: np.ndarray
    down_to: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Ranking:
    """A metric of the order of scores: what ``summarise`` makes of the counts at the thresholds."""

    summarise: Callable[[Counts], np.ndarray]

    def __call__(self, label: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """One value per row of ``weights`` (b, n), see ``Metric.compute``."""
        return self.prepared(Answers(label, prediction))(weights)

    def prepared(self, answers: Answers) -> Weighed:
        """As a function of weights (b, n)."""
        return partial(self._weighed, answers.thresholds)

    def _weighed(self, thresholds: Thresholds, weights: np.ndarray) -> np.ndarray:
        import numpy as np

        result = np.full(len(weights), np.nan)
        for at, block in _blocks(weights) if len(thresholds.positives) else ():
            counts = thresholds.counts(block)
            both = (counts.so_far[:, -1] > 0) & (counts.so_far[:, -1] < counts.rows)
            result[at][both] = self.summarise(Counts(*(of[both] for of in counts)))
        return result


@dataclass(frozen=True)
class Thresholds:
    """Rows sorted by score, highest first, and the scores that some positive has: no ranking metric asks for the others.

    Attributes:
        order: positions of all rows, shape (n,).
        first, last: where the rows of each such score begin and end in ``order``.
        positives: positions of the positive rows in their order.
        last_positive: where those of each such score end in ``positives``.
    """

    order: np.ndarray
    first: np.ndarray
    last: np.ndarray
    positives: np.ndarray
    last_positive: np.ndarray

    @classmethod
    def of(cls, label: np.ndarray, prediction: np.ndarray) -> Thresholds:
        """Of binary labels (n,) and one score per row (n,)."""
        import numpy as np

        score = _one_score_per_row(prediction)
        order = np.argsort(-score, kind="stable")
        positive, score = label[order] == 1, score[order]
        held = np.flatnonzero(positive)
        last_positive = np.flatnonzero(np.append(np.diff(score[held]) != 0, True)[: len(held)])
        ends = np.append(np.flatnonzero(np.diff(score) != 0), len(score) - 1)  # the last row of each score
        of = np.searchsorted(ends, held[last_positive])
        return cls(order, np.append(0, ends + 1)[of], ends[of], order[held], last_positive)

    def counts(self, weights: np.ndarray) -> Counts:
        """The counts under each of ``weights`` (b, n), with a positive among the n rows."""
        import numpy as np

        down_to = _running_sum(np.take(weights, self.order, axis=1))
        above = np.take(down_to, self.first - 1, axis=1)
        above[:, self.first == 0] = 0
        so_far = _running_sum(np.take(weights, self.positives, axis=1))
        if len(self.last_positive) < len(self.positives):
            so_far = np.take(so_far, self.last_positive, axis=1)
        at_each = np.diff(so_far, axis=1, prepend=so_far.dtype.type(0))
        return Counts(at_each, so_far, above, np.take(down_to, self.last, axis=1), down_to[:, -1])


def _running_sum(counts: np.ndarray) -> np.ndarray:
    """Along each row, in place and in the counts' own type: four times as fast as in 64 bits."""
    import numpy as np

    return np.cumsum(counts, axis=1, dtype=counts.dtype, out=counts)


def _precision_by_recall(of: Counts) -> np.ndarray:
    """Average precision: mean precision over thresholds, weighted by the recall each adds; no interpolation.

    Source: ``sklearn.metrics.average_precision_score``.
    """
    precision = _ratio(of.so_far, of.down_to, where_zero=0.0)
    area: np.ndarray = (of.positives * precision).sum(axis=1) / of.so_far[:, -1]
    return area


def _area_under_curve(of: Counts) -> np.ndarray:
    """AUROC: chance that a random positive scores above a random negative, ties counted half.

    Source: ``sklearn.metrics.roc_auc_score``.
    """
    positives = of.so_far[:, -1].astype(float)
    negatives = of.rows - positives
    beside = of.above + of.down_to - 2.0 * of.so_far + of.positives  # twice the negatives above, ties counted half
    lost: np.ndarray = (of.positives * beside).sum(axis=1) / 2
    share: np.ndarray = 1 - lost / (positives * negatives)
    return share


def _one_score_per_row(prediction: np.ndarray) -> np.ndarray:
    if prediction.ndim != 1:
        raise InvalidPrediction(
            f"Predictions have shape {prediction.shape}, but this metric ranks one score per row. "
            "Let predict return the probability of label 1, shape (n,), or choose metrics for several classes: "
            "accuracy, log_loss, brier, calibration_error."
        )
    return prediction


# ---------------------------------------------------------------- means over rows


@dataclass(frozen=True)
class Mean:
    """A metric that is the mean of a loss (or gain) over rows, or what ``then`` makes of the mean, or of several means.

    Attributes:
        loss: ``(label, prediction) -> (n,)`` or, of k losses, ``(n, k)``.
        then: means (b,) or (b, k) -> the metric (b,); of one mean, it never falls where that rises.
        least: below it the metric never is, also where an interval would reach further; None: there is no such number.
    """

    loss: Callable[[np.ndarray, np.ndarray], np.ndarray]
    then: Callable[[np.ndarray], np.ndarray] | None = None
    least: float | None = None

    def __call__(self, label: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """One value per row of ``weights`` (b, n), see ``Metric.compute``."""
        return self.prepared(Answers(label, prediction))(weights)

    def prepared(self, answers: Answers) -> Weighed:
        """As a function of weights (b, n)."""
        return partial(self._weighed, self.loss(answers.label, answers.prediction))

    def by_unit(self, answers: Answers, unit: np.ndarray) -> Weighed:
        """As a function of the weights of groups of rows, (b, m), each of whose rows counts as often as its group.

        Args:
            unit: the group of each row, 0 … m-1, none empty, shape (n,).
        """
        import numpy as np

        losses = self.loss(answers.label, answers.prediction)
        columns = losses.reshape(len(losses), -1).T
        sizes = np.bincount(unit)
        means = np.stack([np.bincount(unit, weights=of) for of in columns], axis=1) / sizes[:, None]
        means = means if losses.ndim > 1 else means[:, 0]
        return lambda weights: self._weighed(means, weights * sizes)

    def _weighed(self, losses: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return self.finished(weighted_mean(losses, weights))

    def finished(self, means: np.ndarray) -> np.ndarray:
        """The metric of means."""
        return means if self.then is None else self.then(means)


def _root(means: np.ndarray) -> np.ndarray:
    import numpy as np

    root: np.ndarray = np.sqrt(means)
    return root


# ---------------------------------------------------------------- probabilities


def _squared_errors(label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Brier score: mean squared error of probabilities; of several classes, summed over them (range 0 to 2).

    Source: Brier (1950); ``sklearn.metrics.brier_score_loss``.
    """
    import numpy as np

    if prediction.ndim == 1:
        of_two: np.ndarray = (prediction - label) ** 2
        return of_two
    truth = label[:, None] == np.arange(prediction.shape[1])
    errors: np.ndarray = ((prediction - truth) ** 2).sum(axis=1)
    return errors


def _surprise(label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Log loss: mean negative log probability of what happened, in nats; kept off 0 and 1 by the type's epsilon.

    Source: ``sklearn.metrics.log_loss``.
    """
    import numpy as np

    if prediction.ndim == 1:
        happened = np.where(label == 1, prediction, 1 - prediction)
    else:
        happened = prediction[np.arange(len(label)), label.astype(int)]
    epsilon = np.finfo(happened.dtype).eps
    surprise: np.ndarray = -np.log(np.clip(happened, epsilon, 1 - epsilon))
    return surprise


def _excess_by_bin(label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """By how much a row's probability exceeds what happened, in the column of the row's bin, else 0: shape (n, bins).

    Ten equal-width bins, closed on the right. Of several classes, the predicted class's probability and whether it is right.
    """
    import numpy as np

    if prediction.ndim == 1:
        confidence, hit = prediction, label
    else:
        confidence, hit = prediction.max(axis=1), prediction.argmax(axis=1) == label
    bin_of = np.searchsorted(np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1], confidence)
    return np.where(bin_of[:, None] == np.arange(CALIBRATION_BINS), (confidence - hit)[:, None], 0.0)


def _total_distance(means: np.ndarray) -> np.ndarray:
    """Expected calibration error: mean over rows of |observed rate - mean probability| of the row's bin.

    Source: Naeini et al. (2015), Obtaining Well Calibrated Probabilities; bins as ``sklearn.calibration.calibration_curve``.
    """
    distance: np.ndarray = abs(means).sum(axis=1)
    return distance


def _hits(label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Accuracy: share of rows whose predicted class is right: the most probable one, or 1 from a probability of 0.5."""
    predicted = prediction >= 0.5 if prediction.ndim == 1 else prediction.argmax(axis=1)
    hits: np.ndarray = predicted == label
    return hits


# ---------------------------------------------------------------- regression


def _absolute_errors(label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    errors: np.ndarray = abs(_one_value_per_row(prediction) - label)
    return errors


def _squares_of_errors(label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    squares: np.ndarray = (_one_value_per_row(prediction) - label) ** 2
    return squares


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

    result, numbers = np.empty((len(weights), *per_row.shape[1:])), per_row.astype(float, copy=False)
    for at, block in _blocks(weights):
        result[at] = block.astype(float) @ numbers
    return result


def weighted_mean(per_row: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean of ``per_row``, (n,) or (n, k), under each row of ``weights`` (b, n): shape (b,) or (b, k).

    NaN where nothing counts; infinite where a row counts that is; a row that does not count never matters.
    """
    import numpy as np

    infinite = np.isinf(per_row)
    if not infinite.any():
        total = weights.sum(axis=1)
        return _ratio(_product(weights, per_row), total if per_row.ndim == 1 else total[:, None])
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

AVERAGE_PRECISION = Metric("average_precision", higher_is_better=True, compute=Ranking(_precision_by_recall))
AUROC = Metric("auroc", higher_is_better=True, compute=Ranking(_area_under_curve))
BRIER = Metric("brier", higher_is_better=False, compute=Mean(_squared_errors))
LOG_LOSS = Metric("log_loss", higher_is_better=False, compute=Mean(_surprise), unit="nats")
CALIBRATION_ERROR = Metric(
    "calibration_error", higher_is_better=False, compute=Mean(_excess_by_bin, then=_total_distance, least=0.0)
)
ACCURACY = Metric("accuracy", higher_is_better=True, compute=Mean(_hits))
MAE = Metric("mae", higher_is_better=False, compute=Mean(_absolute_errors))
RMSE = Metric("rmse", higher_is_better=False, compute=Mean(_squares_of_errors, then=_root))
