"""What the columns of a table hold, a line each: type, missing and distinct values, where values lie, how far they have moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.drift.statistics import drift_of_features

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BINS = 12
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
MOST_FREQUENT = 3
MOST_COLUMNS = 200
LONGEST_VALUE = 60  # characters


@dataclass(frozen=True)
class ColumnProfile:
    """What one column holds.

    Attributes:
        missing, distinct: how many values; distinct is None where values cannot be compared, such as lists.
        quantiles: smallest, lower quartile, median, upper quartile, largest: values of the column; none where it has no order.
        frequent: where it has none: its most frequent values and how often they occur.
        histogram: rows by equal steps between the smallest and the largest finite value; or those of the frequent values.
        drift: population stability index against the same column of the partition before; None where there is none.
    """

    name: str
    dtype: str
    missing: int
    distinct: int | None
    quantiles: tuple[Any, ...] = ()
    frequent: tuple[tuple[Any, int], ...] = ()
    histogram: tuple[int, ...] = ()
    drift: float | None = None


def in_words(column: ColumnProfile) -> str:
    """``0 · 12 · 15 · 18 · 23`` where values have an order, else the most frequent ones: ``EWR 9,893, JFK 9,161``."""
    if column.quantiles:
        return " · ".join(map(_value, column.quantiles))
    return ", ".join(f"{_value(value)} {count:,}" for value, count in column.frequent)


def _value(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def profile(frame: pd.DataFrame, before: pd.DataFrame | None = None) -> tuple[ColumnProfile, ...]:
    """The profile of each column, of the first 200 of many, in their order.

    Args:
        before: the table of the partition before.
    """
    drift = _drift(frame.iloc[:, :MOST_COLUMNS], before)
    return tuple(_column(str(name), frame[name], drift.get(str(name))) for name in frame.columns[:MOST_COLUMNS])


def _drift(frame: pd.DataFrame, before: pd.DataFrame | None) -> dict[str, float]:
    """Of the columns that both have, in one type and with values that can be compared."""
    if before is None or not len(frame) or not len(before):
        return {}
    types = before.dtypes.astype(str).to_dict()
    common = [name for name, dtype in frame.dtypes.items() if types.get(name) == str(dtype)]
    known = [name for name in common if all(_can_be_compared(of[name]) for of in (frame, before))]
    return dict(drift_of_features(before[known], frame[known]))


def _can_be_compared(values: pd.Series) -> bool:
    """Whether values fall into bins: quantiles of infinite numbers are none."""
    import numpy as np
    from pandas.api import types

    is_finite = (
        not types.is_float_dtype(values.dtype) or not np.isinf(values.to_numpy(np.float64, na_value=np.nan)).any()
    )
    return is_finite and _can_be_counted(values)


def _can_be_counted(values: pd.Series) -> bool:
    """Whether values can be compared: lists and dicts cannot. One is looked at, as columns of a store hold one type."""
    known = values.dropna()
    return not len(known) or getattr(type(known.iloc[0]), "__hash__", None) is not None


def _column(name: str, values: pd.Series, drift: float | None) -> ColumnProfile:
    known = values.dropna()
    about = (name, str(values.dtype), len(values) - len(known))
    if not _can_be_counted(values):
        return ColumnProfile(*about, None)
    distinct = int(known.nunique())
    if _has_order(values) and len(known):
        ranked = known.sort_values()
        quantiles = tuple(ranked.iloc[round(at * (len(ranked) - 1))] for at in QUANTILES)
        return ColumnProfile(*about, distinct, quantiles, (), _histogram(ranked), drift)
    counts = known.value_counts().head(BINS)
    counts = counts[counts > 0]
    frequent = tuple((value, int(count)) for value, count in counts.head(MOST_FREQUENT).items())
    return ColumnProfile(*about, distinct, (), frequent, tuple(map(int, counts)), drift)


def _has_order(values: pd.Series) -> bool:
    from pandas.api import types

    if types.is_bool_dtype(values.dtype):
        return False
    return bool(
        types.is_numeric_dtype(values.dtype)
        or types.is_datetime64_any_dtype(values.dtype)
        or types.is_timedelta64_dtype(values.dtype)
    )


def _histogram(ranked: pd.Series) -> tuple[int, ...]:
    """Rows by equal steps; of one value, or none that is finite, there is nothing to draw."""
    import numpy as np

    numbers = _numbers(ranked)
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return ()
    half = finite / 2  # the range of the largest numbers is itself none
    width = half[-1] - half[0]
    if width <= 0:
        return ()
    counts, _ = np.histogram((half - half[0]) / width, bins=BINS, range=(0, 1))
    return tuple(map(int, counts))


def _numbers(values: pd.Series) -> np.ndarray:
    import numpy as np
    from pandas.api import types

    if types.is_numeric_dtype(values.dtype):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return values.astype("int64").to_numpy(dtype=np.float64)
