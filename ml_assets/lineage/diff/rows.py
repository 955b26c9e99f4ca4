"""Two tables, row by row: which rows came and went, which columns changed in how many of the others, and from what to what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.categories import same_list
from ml_assets.lineage.diff.alignment import Alignment, align, key_of
from ml_assets.values import in_one_type

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

EXAMPLES = 3


@dataclass(frozen=True)
class Cell:
    """A value that changed: the key of its row, and the value as people read it."""

    row: str
    old: str
    new: str


@dataclass(frozen=True)
class ColumnChange:
    """A column whose values changed in so many of the rows that are in both tables."""

    name: str
    rows: int
    examples: tuple[Cell, ...]


@dataclass(frozen=True)
class RowsDiff:
    """What differs between two tables.

    Attributes:
        key: the columns that identify a row; empty where nothing is known to, and then only the columns were compared.
        rows: of the old table and of the new one.
        common, removed, added: rows in both, only in the old one, only in the new one.
        changed: how many of the common ones have another value in any column.
        repeated, missing: rows of each that share their key with an earlier one (the n-th is compared with the n-th), and
            that have none (these are compared with nothing).
        columns: those that changed, most rows first.
        examples_removed, examples_added: the first keys.
        rows_in_another_order, columns_in_another_order: those that are in both tables follow each other differently.
    """

    key: tuple[str, ...]
    rows: tuple[int, int]
    columns_removed: tuple[str, ...] = ()
    columns_added: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()
    common: int = 0
    removed: int = 0
    added: int = 0
    changed: int = 0
    repeated: tuple[int, int] = (0, 0)
    missing: tuple[int, int] = (0, 0)
    columns: tuple[ColumnChange, ...] = ()
    examples_removed: tuple[str, ...] = ()
    examples_added: tuple[str, ...] = ()
    rows_in_another_order: bool = False
    columns_in_another_order: bool = False

    @property
    def alike(self) -> bool:
        """Whether nothing at all differs."""
        return self == RowsDiff(
            self.key, self.rows, common=self.common, repeated=self.repeated, missing=self.missing
        ) and (self.rows[0] == self.rows[1])


def rows_diff(old: pd.DataFrame, new: pd.DataFrame, names: Sequence[Sequence[str]]) -> RowsDiff:
    """What differs between two tables; an index is not looked at.

    Args:
        names: names that the columns that identify a row can have, see ``key_of``.
    """
    key = key_of(old, new, names)
    common = [str(name) for name in old if name in new]
    about_columns: dict[str, Any] = {
        "columns_removed": tuple(str(name) for name in old if name not in new),
        "columns_added": tuple(str(name) for name in new if name not in old),
        "retyped": tuple(f"{c} {change}" for c in common if (change := _retyped(old[c].dtype, new[c].dtype))),
        "columns_in_another_order": common != [name for name in new if name in old],
    }
    about_rows = _about_rows(old, new, key, [name for name in common if name not in key]) if key else {}
    return RowsDiff(key, (len(old), len(new)), **about_columns, **about_rows)


def _retyped(old: Any, new: Any) -> str:
    """``str -> category``; of two lists of categories which came and went, for their codes may mean other values."""
    import pandas as pd

    if not (isinstance(old, pd.CategoricalDtype) and isinstance(new, pd.CategoricalDtype)):
        return "" if old == new else f"{old} -> {new}"
    if same_list(old, new):
        return ""
    before, after = (list(dtype.categories) for dtype in (old, new))
    came, went = ([value for value in of if value not in other] for of, other in ((after, before), (before, after)))
    said = [f"{len(found)} {how} ({_some(found)})" for how, found in (("added", came), ("removed", went)) if found]
    if old.ordered != new.ordered:
        said.append("ordered" if new.ordered else "no longer ordered")
    return f"categories: {', '.join(said) or 'in another order or of another type'}"


def _some(values: Sequence[Any]) -> str:
    return ", ".join(map(value_text, values[:EXAMPLES])) + (" …" if len(values) > EXAMPLES else "")


def _about_rows(old: pd.DataFrame, new: pd.DataFrame, key: tuple[str, ...], columns: list[str]) -> dict[str, Any]:
    import numpy as np

    aligned = align(old, new, key)
    changed, found = np.zeros(len(aligned.old), dtype=bool), []
    for name in columns:
        differs = differing(old[name].iloc[aligned.old], new[name].iloc[aligned.new])
        if differs.any():
            changed |= differs
            found.append(ColumnChange(name, int(differs.sum()), tuple(_cells(old, new, name, aligned, differs))))
    return {
        "common": len(aligned.old),
        "removed": len(aligned.removed),
        "added": len(aligned.added),
        "changed": int(changed.sum()),
        "repeated": aligned.repeated,
        "missing": aligned.missing,
        "columns": tuple(sorted(found, key=lambda column: -column.rows)),
        "examples_removed": tuple(key_text(old, key, at) for at in aligned.removed[:EXAMPLES]),
        "examples_added": tuple(key_text(new, key, at) for at in aligned.added[:EXAMPLES]),
        "rows_in_another_order": aligned.in_another_order,
    }


def _cells(old: pd.DataFrame, new: pd.DataFrame, name: str, aligned: Alignment, differs: np.ndarray) -> Iterator[Cell]:
    for at in differs.nonzero()[0][:EXAMPLES]:
        here, there = aligned.old[at], aligned.new[at]
        yield Cell(
            key_text(old, aligned.key, here), value_text(old[name].iloc[here]), value_text(new[name].iloc[there])
        )


# ---------------------------------------------------------------- values


def differing(old: pd.Series, new: pd.Series) -> np.ndarray:
    """Where two columns of equally many rows have different values, shape (n,); a missing value equals a missing one."""
    if _is_nested(old) or _is_nested(new) or not _comparable(old, new):
        old, new = (column.map(value_text, na_action="ignore") for column in (old, new))
    old, new = (_without_categories(column).reset_index(drop=True) for column in (old, new))
    if old.dtype != new.dtype:
        old, new = in_one_type(old, new) or (_as_objects(old), _as_objects(new))  # NumPy would round before it compares
    unequal: np.ndarray = (old != new).to_numpy(dtype=bool, na_value=True)
    here, there = old.isna().to_numpy(), new.isna().to_numpy()
    differs: np.ndarray = (unequal | (here != there)) & ~(here & there)
    return differs


def _as_objects(column: pd.Series) -> pd.Series:
    objects = column.astype(object)
    return objects.where(objects.notna(), None)  # NA can be compared with nothing


def _comparable(old: pd.Series, new: pd.Series) -> bool:
    """Whether their values can be compared as they are: of one type, or both numbers, or both times with a zone or without."""
    from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

    kinds = [_without_categories(column).dtype for column in (old, new)]
    if all(is_datetime64_any_dtype(kind) for kind in kinds):
        with_zone = [hasattr(kind, "tz") for kind in kinds]
        return with_zone[0] == with_zone[1]
    return kinds[0] == kinds[1] or all(is_numeric_dtype(kind) for kind in kinds)


def _without_categories(column: pd.Series) -> pd.Series:
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(column.dtype.categories.dtype if column.notna().all() else object)
    return column


def _is_nested(column: pd.Series) -> bool:
    """Whether it holds lists, arrays or mappings, which have no single answer to whether they are equal."""
    if column.dtype != object:
        return False
    return bool(column.map(lambda value: hasattr(value, "__len__") and not isinstance(value, str)).any())


def key_text(table: pd.DataFrame, key: Sequence[str], at: int) -> str:
    """What identifies a row, as people read it."""
    return ", ".join(value_text(table[name].iloc[at]) for name in key)


def value_text(value: Any) -> str:
    """A value as people read it; inside of lists and mappings text is quoted, so that what differs reads differently."""
    import numpy as np
    import pandas as pd

    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(name)}: {_quoted(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple | np.ndarray):
        return f"[{', '.join(_quoted(item) for item in value)}]"
    return "missing" if pd.isna(value) else str(value)


def _quoted(value: Any) -> str:
    return repr(value) if isinstance(value, str) else value_text(value)
