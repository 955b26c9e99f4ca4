"""How sure a number is. How sure a difference between two models is: ``paired_test``.

**How it is found** depends on the number of rows, and is said with every interval. Up to 50,000 rows are resampled, a thousand
times: the bootstrap. Of more, what would cost the more the more rows there are: shipped metrics have closed forms, see
``closed_forms``, and any other is resampled in small bags, see ``bags``. Both tell what the bootstrap would.

**What is assumed.** Units are taken as independent draws from the population that the model will meet: days, groups, both, or
rows where a problem has neither, see ``units``. The methods above are those of rows; of other units it is Student's t on what
each contributes, see ``jackknife``: there are few, and of few a bootstrap promises too much.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, TypeVar

from ml_assets.evaluation import bags
from ml_assets.evaluation.closed_forms import closed_form
from ml_assets.evaluation.jackknife import CELLS_AT_ONCE, MANY_ROWS, unit_interval
from ml_assets.evaluation.metrics import Answers, prepared
from ml_assets.evaluation.units import ROW, Units
from ml_assets.problem import Metric

if TYPE_CHECKING:
    import numpy as np

Number = TypeVar("Number", float, "np.ndarray")

RESAMPLES = 1000
MOST_UNDEFINED = 0.01  # of the resamples


@dataclass(frozen=True)
class Interval:
    """Where the middle of the resamples lies.

    Attributes:
        low, high: its bounds; NaN where there is none.
        undefined: how many resamples had no value (one class only) and are left out.
        method: how it was found, in words.
    """

    low: float
    high: float
    undefined: int
    method: str = ""


def intervals(
    metrics: Sequence[Metric],
    answers: Mapping[str, Answers],
    units: Sequence[Units] = (),
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, dict[str, Interval]]:
    """The 95 % interval of every metric of every model, by the method that its units ask for; see the module.

    Args:
        answers: by model, of the same rows in the same order.
        units: what of the rows is independent of each other; none: single rows.
        resamples: how many, where there are any.
    Returns:
        ``{model: {metric name: its interval}}``.
    """
    if units and units[0].name != ROW:
        return _of_units(metrics, answers, units)
    rows = _rows(answers)
    if rows <= MANY_ROWS:
        return _of_draws(_resampled(metrics, answers, seed, resamples), rows, f"bootstrap, {resamples:,} resamples")
    closed = {who: _closed_forms(metrics, of, seed, resamples) for who, of in answers.items()}
    others = [metric for metric in metrics if not all(metric.name in of for of in closed.values())]
    draws = bags.bag_draws(others, answers, seed=seed, resamples=resamples) if others else {}
    in_bags = _of_draws(draws, rows, bags.method(resamples))
    return {who: of | in_bags.get(who, {}) for who, of in closed.items()}


def _of_units(
    metrics: Sequence[Metric], answers: Mapping[str, Answers], units: Sequence[Units]
) -> dict[str, dict[str, Interval]]:
    method = f"Student's t on {' and '.join(of.counted for of in units)}"
    return {
        who: {m.name: Interval(*unit_interval(m, of, units), undefined=0, method=method) for m in metrics}
        for who, of in answers.items()
    }


def _rows(answers: Mapping[str, Answers]) -> int:
    return len(next(iter(answers.values())).label)


def _closed_forms(metrics: Sequence[Metric], answers: Answers, seed: int, draws: int) -> dict[str, Interval]:
    found = {metric.name: closed_form(metric, answers, seed=seed, draws=draws) for metric in metrics}
    return {name: Interval(*of[0], undefined=0, method=of[1]) for name, of in found.items() if of}


def _of_draws(draws: Mapping[str, Mapping[str, np.ndarray]], rows: int, method: str) -> dict[str, dict[str, Interval]]:
    return {
        who: {name: replace(interval(values, rows), method=method) for name, values in of.items()}
        for who, of in draws.items()
    }


def bootstrap_weights(n: int, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[np.ndarray]:
    """How often each of ``n`` rows is drawn in each resample of size ``n`` with replacement.

    The same arguments give the same numbers, whatever the chunks.

    Yields:
        Chunks of shape (some, n), int32, ``resamples`` rows in all, each summing to ``n``.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    rows = max(1, CELLS_AT_ONCE // max(1, n))
    for start in range(0, resamples, rows):
        chunk = np.empty((min(rows, resamples - start), n), dtype=np.int32)
        for one in chunk:
            # multinomial counts; five times faster than rng.multinomial, which draws a binomial per row
            one[:] = np.bincount(rng.integers(0, n, size=n), minlength=n)
        yield chunk


def resampled(
    metrics: Sequence[Metric],
    label: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, dict[str, np.ndarray]]:
    """Every metric of every model over the very same resamples.

    Args:
        label: shape (n,), no NaN.
        predictions: by model: shape (n,) or (n, classes).
    Returns:
        ``{model: {metric name: (resamples,)}}``; NaN where a resample leaves a metric undefined.
    """
    return _resampled(metrics, {who: Answers(label, of) for who, of in predictions.items()}, seed, resamples)


def _resampled(
    metrics: Sequence[Metric], answers: Mapping[str, Answers], seed: int, resamples: int
) -> dict[str, dict[str, np.ndarray]]:
    import numpy as np

    weighed = {(who, m.name): prepared(m, of) for who, of in answers.items() for m in metrics}
    found: dict[tuple[str, str], list[np.ndarray]] = {each: [] for each in weighed}
    for weights in bootstrap_weights(_rows(answers), resamples, seed):
        for each, of in weighed.items():
            found[each].append(of(weights))
    return {who: {m.name: np.concatenate(found[who, m.name]) for m in metrics} for who in answers}


def improvement(metric: Metric, challenger: Number, champion: Number) -> Number:
    """``challenger`` minus ``champion`` in the metric's direction: positive is better."""
    gain: Number = challenger - champion if metric.higher_is_better else champion - challenger
    return gain


def interval(values: np.ndarray, rows: int, confidence: float = 0.95) -> Interval:
    """Expanded percentile interval of bootstrap ``values``, shape (b,), of a metric over ``rows`` rows.

    Undefined (NaN) resamples are left out and counted. The percentiles lie further out the fewer rows there are, as Student's
    t does: resamples of few rows vary less than the metric. The interval is NaN where it would say more than is known: of
    fewer than six rows (of which even the largest and the smallest leave out more than 1 - ``confidence``), or where over 1 %
    of the resamples are undefined (of a class there are four rows or fewer, and resamples are like each other).

    Source: Hesterberg (2015), What Teachers Should Know About the Bootstrap, "expanded percentile interval".
    """
    import numpy as np
    from scipy.special import ndtr, stdtrit

    known, tail = values[~np.isnan(values)], (1 - confidence) / 2
    undefined = len(values) - len(known)
    if not len(known) or undefined > MOST_UNDEFINED * len(values) or 0.5**rows > tail:
        return Interval(float("nan"), float("nan"), undefined)
    out = float(ndtr(np.sqrt(rows / (rows - 1)) * stdtrit(rows - 1, tail)))
    between: Literal["linear", "inverted_cdf"] = "linear" if np.isfinite(known).all() else "inverted_cdf"
    low, high = np.quantile(known, [out, 1 - out], method=between)
    return Interval(float(low), float(high), undefined)


def share_interval(of: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a share of independent cases.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22.

    >>> [round(limit, 3) for limit in share_interval(8, 10)]
    [0.49, 0.943]
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle, spread = of + z * z / 2, z * math.sqrt(of * (total - of) / total + z * z / 4)
    return max(0.0, (middle - spread) / (total + z * z)), min(1.0, (middle + spread) / (total + z * z))
