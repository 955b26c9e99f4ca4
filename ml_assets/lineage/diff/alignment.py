"""Which row of one table is which row of another: by what identifies them, also where keys repeat or are missing.

Keys become whole numbers first, so that half a million rows align in about a second, whatever identifies them. Where a key
repeats, its n-th row in one table is its n-th in the other. A row whose key is missing is nobody's counterpart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.values import in_one_type

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Alignment:
    """Positions of rows in two tables.

    Attributes:
        key: the columns that identify a row.
        old, new: of the rows that are in both, shape (common,) each, in the old table's order.
        removed, added: of the rows that are in one only.
        repeated: how many rows of each share their key with an earlier one.
        missing: how many rows of each have no key; they are in none of the above.
    """

    key: tuple[str, ...]
    old: np.ndarray
    new: np.ndarray
    removed: np.ndarray
    added: np.ndarray
    repeated: tuple[int, int]
    missing: tuple[int, int]

    @property
    def in_another_order(self) -> bool:
        """Whether the rows that are in both follow each other differently."""
        return bool((self.new[1:] < self.new[:-1]).any())


def key_of(old: pd.DataFrame, new: pd.DataFrame, names: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The columns that identify a row: as few of the first names that both tables have as are unique in both.

    Args:
        names: names that the first column of the key can have, then those of the second …; the most likely first.
    Returns:
        all that there are if even those are not unique; none if the first is missing.
    """
    key: tuple[str, ...] = ()
    for likely in names:
        name = next((name for name in likely if name in old and name in new), None)
        if name is None:
            break
        key = (*key, name)
        if not any(table.duplicated(list(key)).any() for table in (old, new)):
            break
    return key


def align(old: pd.DataFrame, new: pd.DataFrame, key: Sequence[str]) -> Alignment:
    """Find the rows of ``old`` in ``new`` by the columns ``key``, which both have."""
    import numpy as np

    ids, first = _numbered(old, new, key), len(old)
    seen, has_key = _times_seen_before(ids, first), ids >= 0
    single = ids * (seen.max(initial=0) + 1) + seen
    here, there = np.flatnonzero(has_key[:first]), np.flatnonzero(has_key[first:])
    _, left, right = np.intersect1d(
        single[:first][here], single[first:][there], assume_unique=True, return_indices=True
    )
    in_order = np.argsort(left, kind="stable")
    is_repeated = has_key & (seen > 0)
    return Alignment(
        key=tuple(key),
        old=here[left[in_order]],
        new=there[right[in_order]],
        removed=np.delete(here, left),
        added=np.delete(there, right),
        repeated=(int(is_repeated[:first].sum()), int(is_repeated[first:].sum())),
        missing=(first - len(here), len(new) - len(there)),
    )


def _numbered(old: pd.DataFrame, new: pd.DataFrame, key: Sequence[str]) -> np.ndarray:
    """One number per row of both tables, old ones first: equal where all columns of the key are; -1 where one is missing."""
    import numpy as np
    import pandas as pd

    ids = np.zeros(len(old) + len(new), dtype=np.int64)
    for name in key:
        codes, _ = pd.factorize(pd.concat(_of_one_type(old[name], new[name]), ignore_index=True))
        both = ids * (int(codes.max(initial=0)) + 1) + codes
        ids = np.where((ids < 0) | (codes < 0), -1, both)
        ids[ids >= 0] = pd.factorize(ids[ids >= 0])[0]  # small again: the next product must not overflow
    return ids


def _of_one_type(old: pd.Series, new: pd.Series) -> list[pd.Series]:
    """A key that was a number and became text, or the other way round, is still the same key; nothing is rounded."""
    from pandas.api.types import is_numeric_dtype

    if is_numeric_dtype(old.dtype) != is_numeric_dtype(new.dtype):
        return [old.astype("str"), new.astype("str")]
    if both := in_one_type(old, new):
        return list(both)
    return [old, new] if not is_numeric_dtype(old.dtype) else [old.astype(object), new.astype(object)]


def _times_seen_before(ids: np.ndarray, first: int) -> np.ndarray:
    """How often each number stood earlier in the same table."""
    import numpy as np
    import pandas as pd

    parts = [pd.Series(part).groupby(part).cumcount().to_numpy() for part in (ids[:first], ids[first:])]
    return np.concatenate(parts)
