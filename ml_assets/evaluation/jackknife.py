"""What each unit of chance contributes to a metric, and so how much the metric varies: by leaving out one unit at a time.

Sources: Tukey (1958); Busing, Meijer and van der Leeden (1999), Delete-m jackknife for unequal m; of days and groups together
Cameron, Gelbach and Miller (2011), Robust inference with multiway clustering, J. Bus. Econ. Stat. 29(2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ml_assets.evaluation.influence import influence
from ml_assets.evaluation.metrics import Answers, Mean, Ranking, prepared, value_of
from ml_assets.evaluation.units import MOST_UNITS, Units, crossed
from ml_assets.problem import Metric

if TYPE_CHECKING:
    import numpy as np

    from ml_assets.evaluation.metrics import Weighed

CELLS_AT_ONCE = 1 << 22  # of a chunk of weights: 16 MiB
MANY_ROWS = 50_000  # of more no metric is computed again and again over all rows, where a derivative tells the same
FEWEST_UNITS = 6  # of fewer, even the largest and the smallest leave out more than 5 %
FEWEST_FREE = 1  # degrees of freedom; where one unit has most of the rows there are fewer, and no end of a t

Ends = tuple[float, float]


def pseudo_values(metric: Metric, answers: Answers, units: Units) -> np.ndarray:
    """What each unit contributes to the metric, shape (m,): of a mean over rows, with mean the metric itself.

    Leaving out a unit takes the metric from its value to another: this is the value and, scaled by how many rows are left to how
    many a mean unit has, by how much more it was with the unit. That some units have more rows is no reason to vary.
    """
    import numpy as np

    sizes, count, n = units.sizes, units.count, len(units.of)
    moved = influence(metric, answers) if n > MANY_ROWS else None
    whole = value_of(metric, answers)
    if moved is not None:
        return whole + count * np.bincount(units.of, weights=moved)
    without = by_unit(metric, answers, units.of)(1 - np.eye(count, dtype=np.int32))
    found: np.ndarray = whole + (n - sizes) * (whole - without) * (count / n) if count > 1 else without
    return found


def by_unit(metric: Metric, answers: Answers, unit: np.ndarray) -> Weighed:
    """The metric as a function of the weights of units, (b, m): the rows of a unit are counted equally often."""
    weighed = prepared(metric, answers)
    if isinstance(metric.compute, Mean):
        return metric.compute.by_unit(answers, unit)

    def of_units(weights: np.ndarray) -> np.ndarray:
        import numpy as np

        found = [weighed(weights[chunk][:, unit]) for chunk in _chunks(len(weights), len(unit))]
        return np.concatenate(found)

    return of_units


def _chunks(count: int, width: int) -> Iterator[slice]:
    step = max(1, CELLS_AT_ONCE // max(1, width))
    return (slice(start, start + step) for start in range(0, count, step))


def variance(contributions: np.ndarray) -> float:
    """Of the whole, by what units contribute to it."""
    return float(contributions.var(ddof=1) / len(contributions)) if len(contributions) > 1 else 0.0


def variance_of_all(each: Sequence[float], of_both: float) -> float:
    """Where rows share a day and others a group: that of days plus that of groups, less what is counted twice."""
    return max(*each, sum(each) - of_both)


def unit_interval(metric: Metric, answers: Answers, units: Sequence[Units], confidence: float = 0.95) -> Ends:
    """The interval of a metric: Student's t with the units' degrees of freedom; NaN of fewer than six, and where it has none.

    Of the AUROC and the average precision it is laid on the logit scale, and that of a mean ends where its losses do.
    """
    from scipy.special import stdtrit

    error = standard_error(lambda of: pseudo_values(metric, answers, of), units)
    free = min(of.at_most(MOST_UNITS).degrees_of_freedom for of in units)
    if min(of.count for of in units) < FEWEST_UNITS or free < FEWEST_FREE or not math.isfinite(error):
        return math.nan, math.nan
    return _around(metric, answers, float(stdtrit(free, (1 + confidence) / 2)) * error)


def standard_error(contributions: Callable[[Units], np.ndarray], units: Sequence[Units]) -> float:
    """Of a number that units contribute to: by days, by groups, or by both."""
    import numpy as np

    dealt = [of.at_most(MOST_UNITS) for of in units]
    with np.errstate(invalid="ignore"):  # of infinite metrics: inf - inf
        found = [variance(contributions(of)) for of in dealt]
        if len(dealt) == 1:
            return math.sqrt(found[0])
        return math.sqrt(variance_of_all(found, variance(contributions(crossed(*dealt).at_most(MOST_UNITS)))))


def _around(metric: Metric, answers: Answers, reach: float) -> Ends:
    import numpy as np
    from scipy.special import expit, logit

    value = value_of(metric, answers)
    if reach == 0:
        return value, value
    if isinstance(metric.compute, Ranking) and 0 < value < 1:
        far = reach / (value * (1 - value))
        return float(expit(logit(value) - far)), float(expit(logit(value) + far))
    low, high = value - reach, value + reach
    if not isinstance(metric.compute, Mean):
        return low, high
    losses, least = metric.compute.loss(answers.label, answers.prediction), metric.compute.least
    low = low if least is None else max(low, least)
    if losses.ndim > 1:
        return low, high
    first, last = metric.compute.finished(np.array([losses.min(), losses.max()], dtype=float))
    return max(low, float(first)), min(high, float(last))
