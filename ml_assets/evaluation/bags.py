"""The bag of little bootstraps: how much any metric varies, at a cost that does not grow with the rows.

Instead of n rows, small bags of them are resampled. A resample of a bag draws n times from its few rows, and so varies as one
of all rows does, while a metric that takes weights reads only the bag. What the resamples of a bag vary by is the same around
any value; here it is laid around the metric of all rows.

Bags are stratified: of each label (where there are few different ones) a bag holds a fair number of rows, or all that there
are, and they are drawn as often as they are among all rows. Else a bag would hold hardly any row of a rare class.

Source: Kleiner, Talwalkar, Sarkar and Jordan (2014), A scalable bootstrap for massive data, JRSS B 76(4). There the interval of
each bag is averaged; here the draws of all bags are pooled, of which quantiles are as good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ml_assets.evaluation.metrics import Answers, prepared, value_of
from ml_assets.problem import Metric

if TYPE_CHECKING:
    import numpy as np

BAGS = 20
BAG_ROWS = 5_000  # the source finds n ** 0.6 rows enough: of a million they are 4,000
MOST_STRATA = 32
FEWEST_RESAMPLES = 10  # of a bag


def method(resamples: int) -> str:
    """As it is said: ``bag of little bootstraps, 20 bags of 5,000 rows, 50 resamples of each``."""
    return f"bag of little bootstraps, {BAGS} bags of {BAG_ROWS:,} rows, {_of_each(resamples)} resamples of each"


def bag_draws(
    metrics: Sequence[Metric], answers: Mapping[str, Answers], *, seed: int = 0, resamples: int
) -> dict[str, dict[str, np.ndarray]]:
    """Draws of every metric of every model, as ``resampled`` makes them of few rows; the same resamples for all.

    Args:
        answers: by model, of the same rows in the same order.
        resamples: in all.
    Returns:
        ``{model: {metric name: (about resamples,)}}``; NaN where a resample leaves a metric undefined.
    """
    import numpy as np

    rng, strata = np.random.default_rng(seed), _strata(next(iter(answers.values())).label)
    rows = [len(of) for of in strata]
    sizes = _sizes(rows)
    found: dict[tuple[str, str], list[np.ndarray]] = {(who, m.name): [] for who in answers for m in metrics}
    for _ in range(BAGS):
        bag = np.concatenate([rng.choice(of, size, replace=False) for of, size in zip(strata, sizes, strict=True)])
        weights = _weights(rng, rows, sizes, _of_each(resamples))
        for who, of in answers.items():
            inside = Answers(of.label[bag], of.prediction[bag])
            for metric in metrics:
                found[who, metric.name].append(_apart(prepared(metric, inside)(weights)))
    return {
        who: {m.name: value_of(m, of) + np.concatenate(found[who, m.name]) for m in metrics}
        for who, of in answers.items()
    }


def _of_each(resamples: int) -> int:
    return max(FEWEST_RESAMPLES, resamples // BAGS)


def _strata(label: np.ndarray) -> list[np.ndarray]:
    """Positions of the rows of each label, or of all rows where there are many different ones."""
    import numpy as np

    known, of = np.unique(label, return_inverse=True)
    return (
        [np.flatnonzero(of == at) for at in range(len(known))] if len(known) <= MOST_STRATA else [np.arange(len(label))]
    )


def _sizes(rows: Sequence[int]) -> list[int]:
    """How many rows of each stratum are in a bag: its share, but at least half of an equal share where it has as many."""
    fair = BAG_ROWS // (2 * len(rows))
    return [min(n, max(round(BAG_ROWS * n / sum(rows)), fair)) for n in rows]


def _weights(rng: np.random.Generator, rows: Sequence[int], sizes: Sequence[int], times: int) -> np.ndarray:
    """How often each row of a bag is drawn, shape (times, rows of a bag), each summing to all rows."""
    import numpy as np

    share = np.repeat([n / size / sum(rows) for n, size in zip(rows, sizes, strict=True)], sizes)
    return rng.multinomial(sum(rows), share / share.sum(), size=times)


def _apart(draws: np.ndarray) -> np.ndarray:
    """From their mean, which stands for the bag's own metric, and as far as from that: a mean of b draws is nearer to them."""
    import numpy as np

    known = draws[~np.isnan(draws)]
    with np.errstate(invalid="ignore"):  # inf - inf
        apart: np.ndarray = (draws - (known.mean() if len(known) else 0.0)) * np.sqrt(len(draws) / (len(draws) - 1))
    return apart
