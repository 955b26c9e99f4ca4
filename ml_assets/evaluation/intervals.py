"""How sure a number is: the bootstrap over rows, and the paired bootstrap between two models.

**What is assumed.** Rows are taken as independent draws from the population that the model will meet. Rows that share a day,
a customer or a machine are not: then the true interval is wider than the one given here. Pairing removes what both models
share (a hard week is hard for both), so differences suffer less from it than the values themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ml_assets.problem import Metric

if TYPE_CHECKING:
    import numpy as np

Number = TypeVar("Number", float, "np.ndarray")

RESAMPLES = 1000
CELLS_AT_ONCE = 1 << 22  # of a chunk of weights: 16 MiB


@dataclass(frozen=True)
class Interval:
    """Where the middle of the resamples lies.

    Attributes:
        low, high: its bounds; NaN if every resample was undefined.
        undefined: how many resamples had no value (one class only) and are left out.
    """

    low: float
    high: float
    undefined: int


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
    import numpy as np

    chunks: dict[str, dict[str, list[np.ndarray]]] = {name: {m.name: [] for m in metrics} for name in predictions}
    for weights in bootstrap_weights(len(label), resamples, seed):
        for name, prediction in predictions.items():
            for metric in metrics:
                chunks[name][metric.name].append(metric.compute(label, prediction, weights))
    return {name: {m: np.concatenate(parts) for m, parts in of.items()} for name, of in chunks.items()}


def paired_differences(
    metric: Metric,
    label: np.ndarray,
    challenger: np.ndarray,
    champion: np.ndarray,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> np.ndarray:
    """By how much the challenger is better than the champion, in each resample of the rows that both were judged on.

    Args:
        label: shape (n,), no NaN.
        challenger, champion: predictions for the same rows in the same order.
    Returns:
        Shape (resamples,): positive where the challenger is better, whichever direction the metric has.
    """
    values = resampled(
        [metric], label, {"challenger": challenger, "champion": champion}, seed=seed, resamples=resamples
    )
    return improvement(metric, values["challenger"][metric.name], values["champion"][metric.name])


def improvement(metric: Metric, challenger: Number, champion: Number) -> Number:
    """``challenger`` minus ``champion`` in the metric's direction: positive is better."""
    gain: Number = challenger - champion if metric.higher_is_better else champion - challenger
    return gain


def interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Percentile interval of bootstrap ``values``, shape (b,); undefined (NaN) ones are left out and counted.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), ch. 13.
    """
    import numpy as np

    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(float("nan"), float("nan"), len(values))
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high), len(values) - len(known))
