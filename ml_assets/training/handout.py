"""What a problem's functions are given, and which row each of theirs is.

A function may do to its arguments whatever it likes: drop rows, add columns, write into arrays. It has copies of its own, so
nothing of that reaches the store, the split, another function or the next call. Copies, not frames that copy on write:
these still share the memory of nullable and categorical columns and whatever torch makes of them. A copy costs 0.3 s per
GB, and the memory of the frame while the function runs. Rows of a window are read for the function that gets them
(``window.py``), and not copied.

What comes back is put into the order of the rows by its index, which says which row each one is. So whatever has no index of
its own is given a default one.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, TypeVar, cast

from ml_assets.problem import FeatureTable

if TYPE_CHECKING:
    import pandas as pd

    Rows = TypeVar("Rows", bound=pd.DataFrame | pd.Series)


def own(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy that shares nothing that can be edited with ``frame``, lists in its cells included."""
    import pandas as pd
    from pandas.api.types import infer_dtype, is_object_dtype

    copy = frame.copy()
    for at, dtype in enumerate(frame.dtypes):
        column = frame.iloc[:, at]
        if is_object_dtype(dtype) and infer_dtype(column).startswith("mixed"):
            copy.isetitem(at, pd.Series([deepcopy(value) for value in column], dtype=object).to_numpy())
    return copy


def own_rows(table: FeatureTable) -> FeatureTable:
    """The same for a table."""
    return FeatureTable(own(table.keys), own(table.features), table.label.copy())


def numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with a default index, unless theirs has a name or is not of integers: then it says something.

    Integers without a name are what filtering, sorting and joining leave behind, in which labels are missing or repeated.
    """
    from pandas.api.types import is_integer_dtype

    says_something = frame.index.names != [None] or not is_integer_dtype(frame.index.dtype)
    return frame if says_something else frame.reset_index(drop=True)


def in_order(rows: Rows, index: pd.Index) -> Rows | None:
    """The rows in the order of ``index``; None if theirs is no permutation of it, or does not tell rows apart."""
    if rows.index.equals(index) or len(rows) == len(index) == 0:
        return rows
    if len(rows) != len(index) or not (index.is_unique and rows.index.is_unique):
        return None
    at, back = rows.index.get_indexer(index), index.get_indexer(rows.index)
    is_permutation = (at >= 0).all() and (back >= 0).all()  # both, because a number is found in an interval
    return cast("Rows", rows.take(at)) if is_permutation else None


def difference(found: pd.Index, known: pd.Index) -> str:
    """Why rows with the index ``found`` cannot be put into the order of ``known``, of the same length, in words."""
    for index, whose in ((found, "the index returned"), (known, "the index given")):
        if index.has_duplicates:
            return f"{_first(index[index.duplicated()])} occurs more than once in {whose}"
    strange = [label for label in found.tolist() if label not in known] or found.tolist()
    return f"{strange[0]!r} is not among the labels given, {_first(known)} to {_first(known[::-1])}"


def _first(index: pd.Index) -> str:
    return repr(index[:1].tolist()[0])  # as Python's own number


def moved(column: pd.Series, original: pd.Series) -> bool:
    """Whether the values are exactly those of ``original`` in other rows; both are in the same order of rows.

    Only of values of which more than half are distinct: two flags may be true equally often by chance. Not of objects.
    """
    import numpy as np
    import pandas as pd
    from pandas.api.types import is_object_dtype

    if column.dtype != original.dtype or is_object_dtype(column.dtype) or column.array.equals(original.array):
        return False
    found, known = (np.sort(pd.util.hash_pandas_object(of, index=False).to_numpy()) for of in (column, original))
    return np.array_equal(found, known) and len(np.unique(known)) > len(known) / 2
