"""How far a distribution has moved: the population stability index, of one feature or of all.

Fractions are smoothed by half a row per bin, (count + ½) / (rows + ½ · bins): a bin that one side lacks is a large term and no
infinite one. By chance alone, two samples of n and m rows from one population differ by about (bins - 1) · (1/n + 1/m): by more
where rows of a day stand and fall together, see ``stability``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.errors import EmptySample
from ml_assets.problem import FeatureTable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Binned = tuple[np.ndarray, np.ndarray]  # the bin of each value: of the reference, of the current ones

STABLE_BELOW, SHIFTED_ABOVE = 0.1, 0.25  # the convention; Siddiqi, Credit Risk Scorecards (2006), ch. 6
BINS = 10
MOST_ROWS = 200_000  # by chance alone they move the index by 0.0001, and more sharpen nothing that anybody looks at
MOST_CATEGORIES = 50  # one bin each, most frequent in the reference first; the others share one


def population_stability_index(reference: np.ndarray, current: np.ndarray, *, n_bins: int = BINS) -> float:
    """Population stability index (PSI) of ``current`` against ``reference``.

    Sum over reference-quantile bins of (c - r) · ln(c / r), with c and r the smoothed fractions per bin. A value on which
    quantiles coincide (many rows have it: a flag, a constant) is a bin of its own, so that a move to either side of it
    is seen; missing values (NaN) are one too where there are any.

    Args:
        reference: values the model was trained on, shape (n,), finite or NaN.
        current: values of the new partition, shape (m,), finite or NaN.
        n_bins: of the values that are not missing.
    Returns:
        PSI in nats, >= 0. By convention < 0.1 is stable and > 0.25 a shift.
    Raises:
        EmptySample: if either array is empty.
    Source: Siddiqi, Credit Risk Scorecards (2006), ch. 6.
    """
    return _index(*_bins_of_numbers(reference, current, n_bins))


def _bins_of_numbers(reference: np.ndarray, current: np.ndarray, n_bins: int = BINS) -> Binned:
    import numpy as np

    cuts = _cuts(reference[~np.isnan(reference)], n_bins)
    missing = len(cuts) + 1
    first, second = (np.where(np.isnan(of), missing, np.searchsorted(cuts, of)) for of in (reference, current))
    return first, second


def _cuts(known: np.ndarray, n_bins: int) -> np.ndarray:
    """Upper bounds of all bins but the last, sorted: the quantiles, and just below each on which several coincide."""
    import numpy as np

    if not len(known):
        return np.empty(0)
    quantiles: np.ndarray = np.quantile(known, np.linspace(0, 1, n_bins + 1)[1:-1])
    if (quantiles[1:] > quantiles[:-1]).all():
        return quantiles
    cuts, times = np.unique(quantiles, return_counts=True)
    return np.union1d(cuts, np.nextafter(cuts[times > 1], -np.inf))


def categorical_stability_index(reference: pd.Series, current: pd.Series) -> float:
    """PSI over the values of a category, see ``population_stability_index``.

    One bin per value that the reference has (the rarest share one), one for values that it never had, one for missing ones.

    Raises:
        EmptySample: if either is empty.
    """
    return _index(*_bins_of_categories(reference, current))


def _bins_of_categories(reference: pd.Series, current: pd.Series) -> Binned:
    counts = reference.value_counts()  # most frequent first, without missing ones, with categories that never occur
    common = list(counts.index[counts > 0])
    bin_of = {value: min(at, MOST_CATEGORIES) for at, value in enumerate(common)}
    unseen, missing = MOST_CATEGORIES + 1, MOST_CATEGORIES + 2
    first, second = (
        values.astype(object)
        .map(bin_of)
        .astype(float)
        .fillna(unseen)
        .where(values.notna(), missing)
        .to_numpy(dtype=int)
        for values in (reference, current)
    )
    return first, second


@dataclass(frozen=True)
class Stability:
    """How far a distribution has moved, and how far chance alone would have moved it on average.

    Attributes:
        index: the PSI.
        by_chance: its mean where nothing moved.
    """

    index: float
    by_chance: float

    @property
    def beyond_chance(self) -> float:
        """The index less what chance makes of it: without bias, so a little below 0 as often as above where nothing moved."""
        return self.index - self.by_chance


def stability(reference: pd.Series, current: pd.Series, unit: np.ndarray | None = None) -> Stability:
    """The PSI of a column, and what it would be by chance.

    By chance it is the sum over bins of (the variance of the bin's share in the reference, plus that in ``current``) / the share.
    Of independent rows this is (bins - 1) · (1/n + 1/m). Where rows of a day stand and fall together, the variance is that of
    days, found in the reference; ``current`` is taken to have days of the same kind.

    Args:
        unit: the day (group) of each row of ``reference``, 0 … units - 1; None: rows are independent.
    Raises:
        EmptySample: if either is empty.
    """
    before, now = _bins(reference, current)
    return Stability(_index(before, now), _by_chance(before, now, unit))


def _by_chance(before: np.ndarray, now: np.ndarray, unit: np.ndarray | None) -> float:
    import numpy as np

    size = int(max(before.max(), now.max())) + 1
    counts = np.bincount(before, minlength=size) + np.bincount(now, minlength=size)
    used = counts > 0
    rows = len(before)
    share = (np.bincount(before, minlength=size) + 0.5)[used] / (rows + 0.5 * used.sum())
    variance = share * (1 - share) / rows
    if unit is not None and (units := int(unit.max()) + 1) > 1:
        of = np.bincount(unit * size + before, minlength=units * size).reshape(units, size)[:, used]
        apart = of - np.bincount(unit, minlength=units)[:, None] * of.sum(axis=0) / rows
        variance = np.maximum(variance, units / (units - 1) * (apart**2).sum(axis=0) / rows**2)
    return float((variance / share).sum() * (1 + rows / len(now)))


def drift_of_features(reference: pd.DataFrame, current: pd.DataFrame) -> tuple[tuple[str, float], ...]:
    """The PSI of every feature of ``reference``, most drifted first; ``current`` has the same columns.

    Of more than ``MOST_ROWS`` on a side so many are looked at, drawn at random, each time the same.

    Raises:
        EmptySample: if either has no rows.
    """
    before, after = (of if len(of) <= MOST_ROWS else of.take(_drawn(len(of))) for of in (reference, current))
    found = [(str(name), _drift(before[name], after[name])) for name in reference.columns]
    return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0])))


def sampled(rows: FeatureTable) -> FeatureTable:
    """The rows whose features ``drift_of_features`` looks at: who has these need not read the others."""
    return rows if len(rows) <= MOST_ROWS else rows.rows(_drawn(len(rows)))


def _drawn(rows: int) -> np.ndarray:
    """The positions of those that are looked at, ascending."""
    import numpy as np

    return np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False, shuffle=False))


def _drift(reference: pd.Series, current: pd.Series) -> float:
    return _index(*_bins(reference, current))


def _bins(reference: pd.Series, current: pd.Series) -> Binned:
    """The bin of each value, by what the column holds."""
    import numpy as np
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if reference.dtype.kind in "mM":
        return _bins_of_numbers(_since_the_epoch(reference), _since_the_epoch(current))
    if not (is_numeric_dtype(reference.dtype) or is_bool_dtype(reference.dtype)):
        return _bins_of_categories(reference, current)
    before, after = (of.to_numpy(dtype=np.float64, na_value=np.nan) for of in (reference, current))
    return _bins_of_numbers(before, after)


def _since_the_epoch(times: pd.Series) -> np.ndarray:
    """Instants or durations as numbers of their unit, whatever the year; NaN where missing."""
    import numpy as np

    counts: np.ndarray = times.astype("int64").to_numpy().astype(np.float64)
    return np.where(times.isna(), np.nan, counts)


def _index(reference: np.ndarray, current: np.ndarray) -> float:
    """PSI of two arrays of bin numbers; a bin that neither has does not count."""
    import numpy as np

    if not len(reference) or not len(current):
        raise EmptySample(
            f"{len(reference):,} reference and {len(current):,} current values cannot be compared: one side is empty. "
            "Compare partitions that have rows."
        )
    size = int(max(reference.max(), current.max())) + 1
    counts = np.stack([np.bincount(bins, minlength=size) for bins in (reference, current)])
    used = counts[:, counts.sum(axis=0) > 0] + 0.5
    r, c = used / used.sum(axis=1, keepdims=True)
    return float(((c - r) * np.log(c / r)).sum())
