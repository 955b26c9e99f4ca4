"""What a schema did to the rows that landed: which it dropped, and which values, types and columns it changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ml_assets.evaluation.checks.outcome import some

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Repairs:
    """What a schema did.

    Attributes:
        landed, stored: how many rows there were before and after.
        values: column -> in how many of the stored rows its value is not the one that landed. ``"1"`` is not 1, but 1 is 1.0.
        types: column -> its type before and after, where they differ.
        added, left_out: columns.
        is_counted: whether values could be compared; not where a parser put rows into another order.
    """

    landed: int
    stored: int
    values: Mapping[str, int] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    is_counted: bool = True

    @property
    def refused(self) -> int:
        """How many rows were dropped."""
        return max(0, self.landed - self.stored)

    @property
    def notes(self) -> dict[str, Any]:
        """For the manifest: rows that landed and that were refused; of the columns what was changed, if anything was."""
        of_columns = {
            "values_repaired": dict(self.values),
            "types_repaired": dict(self.types),
            "columns_added": list(self.added),
            "columns_left_out": list(self.left_out),
        }
        rows = {"rows_landed": self.landed, "rows_refused": self.refused}
        return rows | {name: said for name, said in of_columns.items() if said}

    @property
    def sentences(self) -> Iterator[str]:
        """What was done to the columns."""
        if self.values:
            counts = [f"{rows:,} value{'s' * (rows != 1)} of {name!r}" for name, rows in self.values.items()]
            yield f"It changed {some(counts)}."
        if self.types:
            yield f"It changed types: {some([f'{name!r} {types}' for name, types in self.types.items()])}."
        if self.added:
            yield f"It added {some([repr(name) for name in self.added])}."
        if self.left_out:
            yield f"It left out {some([repr(name) for name in self.left_out])}."
        if not self.is_counted:
            yield "It put the rows into another order: changed values are not counted."


def repairs(landed: pd.DataFrame, stored: pd.DataFrame, entity: str) -> Repairs:
    """What a schema did that made ``stored`` of ``landed``.

    Args:
        entity: the column that identifies a row: rows are matched by their index, which a parser may have made anew.
    """
    common = [name for name in landed.columns if name in stored.columns]
    before = _before(landed, stored, entity)
    counts = {} if before is None else {str(name): _changed(before[name], stored[name]) for name in common}
    return Repairs(
        landed=len(landed),
        stored=len(stored),
        values={name: rows for name, rows in counts.items() if rows},
        types={str(n): f"{landed[n].dtype} -> {stored[n].dtype}" for n in common if landed[n].dtype != stored[n].dtype},
        added=tuple(str(name) for name in stored.columns if name not in landed.columns),
        left_out=tuple(str(name) for name in landed.columns if name not in stored.columns),
        is_counted=before is not None,
    )


def _before(landed: pd.DataFrame, stored: pd.DataFrame, entity: str) -> pd.DataFrame | None:
    """The rows as they landed that are left, in the order in which they are stored; None where that cannot be told."""
    if not stored.index.is_unique or not stored.index.isin(landed.index).all():
        return None
    before = landed.loc[stored.index]
    if entity not in before or entity not in stored:
        return before
    here, there = before[entity].array, stored[entity].array
    is_other = [one != other for one, other in zip(here, there, strict=True)]
    return None if stored[entity][is_other].isin(landed[entity]).any() else before


def _changed(before: pd.Series, after: pd.Series) -> int:
    """How many values of the same rows are unequal; a missing one equals a missing one."""
    from pandas.api.types import infer_dtype

    if before.array.equals(after.array):
        return 0
    lacks, lacks_now = before.isna().to_numpy(), after.isna().to_numpy()
    known = ~lacks & ~lacks_now
    old, new = (column[known].astype(object) for column in (before, after))
    if "mixed" in (
        infer_dtype(old),
        infer_dtype(new),
    ):  # lists and arrays have no single answer to whether they are equal
        old, new = old.map(repr), new.map(repr)
    return int((lacks != lacks_now).sum() + (old.to_numpy() != new.to_numpy()).sum())
