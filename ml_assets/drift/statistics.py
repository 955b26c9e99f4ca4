"""How far a distribution has moved: the population stability index, of one feature or of all.

Fractions are smoothed by half a row per bin, (count + ½) / (rows + ½ · bins): a bin that one side lacks is a large term and no
infinite one. By chance alone, two samples of n and m rows from one population differ by about (bins - 1) · (1/n + 1/m).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.errors import EmptySample
from ml_assets.problem import FeatureTable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

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
    import numpy as np

    cuts = _cuts(reference[~np.isnan(reference)], n_bins)
    missing = len(cuts) + 1
    bins = [np.where(np.isnan(values), missing, np.searchsorted(cuts, values)) for values in (reference, current)]
    return _index(*bins)


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
    counts = reference.value_counts()  # most frequent first, without missing ones, with categories that never occur
    common = list(counts.index[counts > 0])
    bin_of = {value: min(at, MOST_CATEGORIES) for at, value in enumerate(common)}
    unseen, missing = MOST_CATEGORIES + 1, MOST_CATEGORIES + 2
    bins = [
        values.astype(object)
        .map(bin_of)
        .astype(float)
        .fillna(unseen)
        .where(values.notna(), missing)
        .to_numpy(dtype=int)
        for values in (reference, current)
    ]
    return _index(*bins)


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
    import numpy as np
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if reference.dtype.kind in "mM":
        return population_stability_index(_since_the_epoch(reference), _since_the_epoch(current))
    if not (is_numeric_dtype(reference.dtype) or is_bool_dtype(reference.dtype)):
        return categorical_stability_index(reference, current)
    values = [of.to_numpy(dtype=np.float64, na_value=np.nan) for of in (reference, current)]
    return population_stability_index(*values)


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
