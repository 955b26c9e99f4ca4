"""Intervals without resampling, of many rows: of means and of what is made of them, of the AUROC and the average precision.

Each reads every row once, and is what a bootstrap of ever more resamples tends to the more rows there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from ml_assets.evaluation.influence import influence
from ml_assets.evaluation.metrics import AUROC, AVERAGE_PRECISION, Answers, Mean, Ranking, value_of
from ml_assets.problem import Metric

if TYPE_CHECKING:
    import numpy as np

OF_MEAN = "central limit theorem, corrected for skewness"
OF_MEANS = "central limit theorem, {:,} draws of the {} means"
METHODS: dict[object, str] = {AUROC.compute: "DeLong's variance", AVERAGE_PRECISION.compute: "infinitesimal jackknife"}
FEWEST_OF_A_CLASS = 5  # with four, over 1 % of resamples have none: they would have no interval either

Ends = tuple[float, float]
NONE = (math.nan, math.nan)


def closed_form(
    metric: Metric, answers: Answers, *, confidence: float = 0.95, seed: int = 0, draws: int = 1000
) -> tuple[Ends, str] | None:
    """The interval of a metric over many rows, and how it was found; None where the metric has no closed form.

    Args:
        seed, draws: of means that a metric is made of.
    """
    compute = metric.compute
    if isinstance(compute, Ranking) and compute in METHODS:
        moved = influence(metric, answers)
        variance = math.nan if moved is None else _variance(answers, moved)
        return of_share(value_of(metric, answers), variance, confidence), METHODS[compute]
    if not isinstance(compute, Mean):
        return None
    losses = compute.loss(answers.label, answers.prediction).astype(float, copy=False)
    if losses.ndim == 1:
        return _finished(compute, of_mean(losses, confidence)), OF_MEAN
    return of_means(losses, compute.finished, confidence, seed, draws), OF_MEANS.format(draws, losses.shape[1])


# ---------------------------------------------------------------- means


def of_mean(values: np.ndarray, confidence: float = 0.95) -> Ends:
    """The interval of a mean: normal, its ends moved by skewness as a bootstrap's percentiles are.

    Args:
        values: shape (n,).
    Returns:
        Both ends; they do not leave the range of the values. NaN where a value is not finite.
    Source: Hall (1992), The Bootstrap and Edgeworth Expansion, ch. 3: the Cornish-Fisher expansion to the order 1/√n.
    """
    import numpy as np
    from scipy.special import ndtri

    with np.errstate(invalid="ignore", over="ignore"):  # of infinite losses
        mean = float(values.mean())
        apart = values - mean
        spread = float(np.sqrt((apart**2).mean()))
    if not math.isfinite(spread):
        return NONE
    if spread == 0:
        return mean, mean
    root, z = math.sqrt(len(values)), float(ndtri((1 + confidence) / 2))
    shift = float(((apart / spread) ** 3).mean()) * (z**2 - 1) / (6 * root)
    low, high = (mean + spread / root * (side * z + shift) for side in (-1, 1))
    return max(low, float(values.min())), min(high, float(values.max()))


def _finished(of: Mean, ends: Ends) -> Ends:
    import numpy as np

    low, high = of.finished(np.array(ends))
    return float(low), float(high)


def of_means(
    values: np.ndarray, then: Callable[[np.ndarray], np.ndarray], confidence: float, seed: int, draws: int
) -> Ends:
    """The interval of what ``then`` makes of k means, which are jointly normal: percentiles of ``draws`` of them.

    Args:
        values: shape (n, k).
        then: means (draws, k) -> (draws,).
    Source: Krinsky and Robb (1986), On approximating the statistical properties of elasticities.
    """
    import numpy as np

    if not np.isfinite(values).all():
        return NONE
    covariance = np.cov(values, rowvar=False, bias=True) / len(values)
    drawn = np.random.default_rng(seed).multivariate_normal(values.mean(axis=0), covariance, draws, method="eigh")
    low, high = np.quantile(then(drawn), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


# ---------------------------------------------------------------- rankings


def of_share(share: float, variance: float, confidence: float = 0.95) -> Ends:
    """The interval of a number between 0 and 1: normal on the logit scale, so that it stays there; NaN of no variance known."""
    from scipy.special import expit, logit, ndtri

    if math.isnan(variance) or variance == 0:
        return NONE if math.isnan(variance) else (share, share)
    reach = float(ndtri((1 + confidence) / 2)) * math.sqrt(variance) / (share * (1 - share))
    return float(expit(logit(share) - reach)), float(expit(logit(share) + reach))


def _variance(answers: Answers, influence: np.ndarray) -> float:
    """Of a ranking metric; NaN where a class has too few rows.

    Each class is a sample of its own. Of the AUROC this is the variance of DeLong, DeLong and Clarke-Pearson (1988).
    """
    found = 0.0
    for of in (answers.label == 1, answers.label != 1):
        rows = int(of.sum())
        if rows < FEWEST_OF_A_CLASS:
            return math.nan
        found += float((influence[of] ** 2).sum()) * rows / (rows - 1)
    return found
