"""What a column is reduced to, for each unit of chance: a few numbers, by which days can be compared.

    every column    missing             share of rows without a value
    numbers, times  middle              mean normal score: of the rank among the values of the reference
                    spread              logarithm of the standard deviation of the scores within the day
                    out of range        share below the smallest, or above the largest, value of the reference
                    unseen              as of categories, where values come again: a number of miles is none of kilometres
    truths          share of True
    categories      share of a value    one for each of the most frequent
                    unseen              share of values that the reference never had

Of normal scores days are near to normal, whatever the column's distribution is; of ranks, whose spread goes by the square of a
day's shift, they are not. Shares are compared as logits, for a day multiplies what is rare. In the reference, a row is out of
range (unseen) if it is so of all other days: so these shares tell how often a new day is beyond those before, and not, what is 0
by construction, how often a day is beyond itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Values = dict[
        str, tuple[np.ndarray, np.ndarray]
    ]  # name -> a number per row, of the reference and now; NaN: not counted

MOST_ALONE = 0.2  # of the rows; where more have a value of their own, values do not come again
MOST_SHARES = 8  # of a category, the most frequent values
MISSING, MIDDLE, SPREAD, BEYOND, UNSEEN = "missing", "middle", "spread", "out of range", "unseen"
NO_SHARES = (MIDDLE, SPREAD)
LEAST_VARIANCE = 1e-4  # of scores within a day: less is none


@dataclass(frozen=True)
class ByUnit:
    """Numbers of units, shape (units, numbers), NaN where no row has a value; and of how many rows each was made."""

    value: np.ndarray
    rows: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Of shares, how many rows count; 0 where there are none."""
        import numpy as np

        return np.where(self.rows > 0, self.value * self.rows, 0)

    def and_first(self, other: ByUnit, count: int) -> ByUnit:
        """These, and the first of others."""
        import numpy as np

        pairs = ((self.value, other.value), (self.rows, other.rows))
        return ByUnit(*(np.concatenate([one, more[:count]]) for one, more in pairs))


@dataclass(frozen=True)
class Numbers:
    """The numbers of a column, by unit of the reference and by unit now.

    Attributes:
        names: what each number is.
        is_share: whether it counts rows, shape (numbers,).
        mean: over all rows of the reference, shape (numbers,); of shares as if one row more had each value, so that what never
            happened may happen.
        row_variance: of a number that is made of a single row, and no share, shape (numbers,).
    """

    names: tuple[str, ...]
    is_share: np.ndarray
    mean: np.ndarray
    row_variance: np.ndarray
    before: ByUnit
    now: ByUnit

    def level(self, of: ByUnit) -> np.ndarray:
        """The numbers on the scale on which they are compared: shares as logits, half a row added to either side."""
        import numpy as np

        hits: np.ndarray = of.value * of.rows
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.is_share, np.log(hits + 0.5) - np.log(of.rows - hits + 0.5), of.value)

    def noise(self, rows: np.ndarray) -> np.ndarray:
        """The variance, on that scale, of a number made of so many independent rows."""
        import numpy as np

        hits, others = rows * self.mean, rows * (1 - self.mean)
        with np.errstate(invalid="ignore", divide="ignore"):
            of_share: np.ndarray = hits * (1 - self.mean) * (1 / (hits + 0.5) + 1 / (others + 0.5)) ** 2
            return np.where(self.is_share, of_share, self.row_variance / rows)


@dataclass(frozen=True)
class Rows:
    """The unit of each row, 0 … count - 1; -1 of rows that are of none."""

    unit: np.ndarray
    count: int

    @classmethod
    def all_one(cls, rows: int) -> Rows:
        """All rows are one unit."""
        import numpy as np

        return cls(np.zeros(rows, dtype=int), 1)

    @property
    def sizes(self) -> np.ndarray:
        """How many rows each has, shape (count,)."""
        import numpy as np

        return np.bincount(self.unit[self.unit >= 0], minlength=self.count)


def numbers(before: pd.Series, now: pd.Series, units: Rows, units_now: Rows) -> Numbers:
    """Of a column as it was in the reference and as it is now, both of one kind, see ``kind_of``."""
    import numpy as np

    is_category = kind_of(before) == "category"
    values = _of_categories(before, now, units) if is_category else _of_numbers(before, now, units)
    names = tuple(values)
    is_share = np.array([name not in NO_SHARES for name in names])
    first, second = ({name: of[at] for name, of in values.items()} for at in (0, 1))
    known = {name: of[~np.isnan(of)] for name, of in first.items()}
    mean = np.array([_mean(name, of) for name, of in known.items()])
    variance = np.array([_variance(name, of) for name, of in known.items()])
    return Numbers(names, is_share, mean, variance, _by_unit(first, units), _by_unit(second, units_now))


def kind_of(column: pd.Series) -> str:
    """``number``, ``truth``, ``time`` or ``category``."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if column.dtype.kind in "mM":
        return "time"
    if is_bool_dtype(column.dtype):
        return "truth"
    return "number" if is_numeric_dtype(column.dtype) else "category"


def as_numbers(column: pd.Series) -> np.ndarray:
    """Finite, or NaN where missing: infinite ones are farther out than all others, and no more."""
    import numpy as np

    if column.dtype.kind in "mM":
        return np.where(column.isna(), np.nan, column.astype("int64").to_numpy().astype(np.float64))
    numbers: np.ndarray = np.clip(column.to_numpy(dtype=np.float64, na_value=np.nan), -1e300, 1e300)
    return numbers


def beyond(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Which values of ``now`` are below all or above all of ``before``; False where either has none."""
    import numpy as np

    known = before[~np.isnan(before)]
    if not len(known):
        return np.zeros(len(now), dtype=bool)
    outside: np.ndarray = (now < known.min()) | (now > known.max())
    return outside


def unseen(before: pd.Series, now: pd.Series) -> pd.Series:
    """The values of ``now`` that ``before`` never had."""
    known: pd.Series = now[now.notna()].astype(object)
    return known[~known.isin(set(before.dropna().astype(object)))]


# ---------------------------------------------------------------- a number per row


def _of_numbers(before: pd.Series, now: pd.Series, units: Rows) -> Values:
    import numpy as np
    import pandas as pd

    first, second = as_numbers(before), as_numbers(now)
    missing = {MISSING: (np.isnan(first) * 1.0, np.isnan(second) * 1.0)}
    if kind_of(before) == "truth":
        return {**missing, "share of True": (first, second)}
    ranked = np.sort(first[~np.isnan(first)])
    if not len(ranked):
        return missing
    scores = _normal_scores(ranked, first), _normal_scores(ranked, second)
    outside = _counted(_beyond_other_units(first, units), first), _counted(beyond(first, second), second)
    moves = {**missing, MIDDLE: scores, SPREAD: scores, BEYOND: outside}
    alone = _counted(_of_one_unit(pd.factorize(first)[0], units), first)
    if np.nanmean(alone) > MOST_ALONE:
        return moves
    return {**moves, UNSEEN: (alone, _counted(~np.isin(second, ranked), second))}


def _normal_scores(ranked: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where each value lies among the sorted ones, equal ones in the middle of each other, as a normal one; NaN stays."""
    import numpy as np
    from scipy.special import ndtri

    places = (np.searchsorted(ranked, values) + np.searchsorted(ranked, values, side="right")) / 2
    scores: np.ndarray = np.where(np.isnan(values), np.nan, ndtri((places + 0.5) / (len(ranked) + 1)))
    return scores


def _counted(flag: np.ndarray, values: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.where(np.isnan(values), np.nan, flag * 1.0)


def _beyond_other_units(values: np.ndarray, units: Rows) -> np.ndarray:
    """Which values are below or above all of the units that they do not belong to."""
    import numpy as np

    if units.count < 2:
        return np.zeros(len(values), dtype=bool)
    of = np.where(units.unit < 0, 0, units.unit)
    outside = np.zeros(len(values), dtype=bool)
    for sign in (1, -1):
        top = np.full(units.count, -np.inf)
        np.fmax.at(top, of, sign * values)
        second, largest = np.partition(top, -2)[-2:]
        outside |= sign * values > np.where(top == largest, second, largest)[of]
    return outside


def _of_one_unit(value: np.ndarray, units: Rows) -> np.ndarray:
    """Which rows have a value (its number; -1: none) that occurs in one unit only."""
    import numpy as np

    size = int(value.max(initial=-1)) + 1
    least, most = np.full(size, units.count), np.full(size, -1)
    np.minimum.at(least, value[value >= 0], units.unit[value >= 0])
    np.maximum.at(most, value[value >= 0], units.unit[value >= 0])
    alone: np.ndarray = (value >= 0) & (least == most)[value] if size else np.zeros(len(value), dtype=bool)
    return alone if units.count > 1 else np.zeros(len(value), dtype=bool)


def _of_categories(before: pd.Series, now: pd.Series, units: Rows) -> Values:
    import numpy as np
    import pandas as pd

    kept, of = before.notna().to_numpy(), before.astype(object)
    counts = of[kept].value_counts()
    missing = {MISSING: (~kept * 1.0, now.isna().to_numpy() * 1.0)}
    if not len(counts):
        return missing
    alone = np.where(kept, _of_one_unit(pd.factorize(of)[0], units), np.nan)
    new = np.isin(np.arange(len(now)), np.flatnonzero(now.notna() & ~now.astype(object).isin(set(counts.index))))
    shares = {
        f"share of {value}": (_flag(of == value, before), _flag(now.astype(object) == value, now))
        for value in counts.index[:MOST_SHARES]
    }
    return {**missing, UNSEEN: (alone, np.where(now.isna(), np.nan, new * 1.0)), **shares}


def _flag(flag: pd.Series, values: pd.Series) -> np.ndarray:
    import numpy as np

    return np.where(values.isna(), np.nan, flag.to_numpy(dtype=bool) * 1.0)


# ---------------------------------------------------------------- by unit


def _by_unit(values: Mapping[str, np.ndarray], units: Rows) -> ByUnit:
    import numpy as np

    inside = units.unit >= 0
    made = [_of_units(name == SPREAD, one[inside], units.unit[inside], units.count) for name, one in values.items()]
    return ByUnit(*(np.stack([of[at] for of in made], axis=1) for at in (0, 1)))


def _of_units(is_spread: bool, values: np.ndarray, unit: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The number of each unit and its rows, both of shape (count,)."""
    import numpy as np

    known = ~np.isnan(values)
    of, value = unit[known], values[known]
    rows = np.bincount(of, minlength=count)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(of, weights=value, minlength=count) / rows
        if not is_spread:
            return mean, rows
        variance = np.bincount(of, weights=(value - mean[of]) ** 2, minlength=count) / (rows - 1)
    return np.where(rows > 1, np.log(variance + LEAST_VARIANCE) / 2, np.nan), np.where(rows > 1, rows, 0)


def _mean(name: str, known: np.ndarray) -> float:
    if name not in NO_SHARES:
        return float((known.sum() + 1) / (len(known) + 2))
    return float(known.mean())


def _variance(name: str, known: np.ndarray) -> float:
    """Of a row; of the logarithm of a standard deviation by the kurtosis."""
    variance = float(known.var()) if len(known) else 0.0
    if name != SPREAD or not variance:
        return variance
    return float(((known - known.mean()) ** 4).mean() / variance**2 - 1) / 4
