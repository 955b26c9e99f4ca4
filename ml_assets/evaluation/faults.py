"""Which failures are one fault: rows whose features are nearly the same.

Gower's similarity counts for mixed columns: of numbers the difference as a share of their usual range, of anything else whether
it differs; the mean over the columns is a distance from 0 to 1. The leader algorithm forms the groups: the worst row that is in
no group yet leads one, and takes in all that are near it. It has no chance in it, needs no number of groups beforehand, and its
leaders are real rows. Sources: Gower, A general coefficient of similarity (Biometrics 27, 1971); Hartigan, Clustering Algorithms
(1975), ch. 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NEAR = 0.05  # copies of a fault differ in chance, and in who and when
LEADERS = 400  # groups that are formed at most: each looks at all rows that have none yet
USUAL = (5, 95)  # percentiles


def grouped(features: pd.DataFrame, usual: pd.DataFrame) -> np.ndarray:
    """The row that leads the group of each row, shape (n,), by position; -1 for those that are left over after 400 groups.

    Args:
        features: of the rows, the worst first: these lead.
        usual: rows that say which range is usual, with the same columns.
    """
    import numpy as np

    values, is_number = _coded(features, usual)
    leader = np.full(len(features), -1)
    waiting = np.arange(len(features))
    for _ in range(LEADERS):
        if not len(waiting):
            break
        is_near = _distance(values[waiting[0]], values[waiting], is_number) <= NEAR
        is_near[0] = True
        leader[waiting[is_near]] = waiting[0]
        waiting = waiting[~is_near]
    return leader


def _coded(features: pd.DataFrame, usual: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Numbers as shares of their usual range, (n, columns), anything else as codes; missing is NaN. And which are numbers."""
    import numpy as np
    from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

    columns, is_number = [], []
    for name in features:
        kind = features[name].dtype
        is_number.append(is_datetime64_any_dtype(kind) or (is_numeric_dtype(kind) and not is_bool_dtype(kind)))
        columns.append(_shares(features[name], usual[name]) if is_number[-1] else _codes(features[name]))
    return np.column_stack(columns) if columns else np.zeros((len(features), 0)), np.array(is_number, dtype=bool)


def _shares(column: pd.Series, usual: pd.Series) -> np.ndarray:
    import numpy as np

    values, known = _floats(column), _floats(usual)
    known = known[np.isfinite(known)]
    if not len(known):
        return values
    low, high = np.percentile(known, USUAL)
    width = high - low or known.max() - known.min() or 1.0
    shares: np.ndarray = values / width
    return shares


def _floats(column: pd.Series) -> np.ndarray:
    import numpy as np
    from pandas.api.types import is_datetime64_any_dtype

    if is_datetime64_any_dtype(column.dtype):
        epoch = column.dt.tz_localize(None) if column.dt.tz is not None else column
        values: np.ndarray = np.where(column.isna(), np.nan, epoch.to_numpy("datetime64[us]").astype("int64"))
        return values
    return column.to_numpy(dtype=float, na_value=np.nan)


def _codes(column: pd.Series) -> np.ndarray:
    import numpy as np
    import pandas as pd

    codes, _ = pd.factorize(column.astype(str))
    return np.where(column.isna(), np.nan, codes)


def _distance(one: np.ndarray, others: np.ndarray, is_number: np.ndarray) -> np.ndarray:
    """Gower's distance of a row, shape (columns,), from others, shape (n, columns)."""
    import numpy as np

    apart = np.abs(others - one)
    apart = np.where(is_number, np.minimum(apart, 1), apart > 0)
    missing = np.isnan(others), np.isnan(one)
    apart = np.where(missing[0] | missing[1], missing[0] != missing[1], apart)
    distance: np.ndarray = apart.mean(axis=1) if apart.shape[1] else np.zeros(len(others))
    return distance
