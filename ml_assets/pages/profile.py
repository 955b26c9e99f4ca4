"""What the page of a version says of the columns of its table, beside those of the partition before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from ml_assets.drift.profile import MOST_COLUMNS, ColumnProfile, in_words, profile
from ml_assets.drift.statistics import SHIFTED_ABOVE
from ml_assets.errors import StoreError
from ml_assets.figures.svg import bars
from ml_assets.pages.content import LARGEST_LOOKED_INTO
from ml_assets.problem import Problem
from ml_assets.store import Content, Store, VersionKey

if TYPE_CHECKING:
    import pandas as pd

TABLE, FEATURES = "table", "features"  # a codec, and the field of a feature table that has one


@dataclass(frozen=True)
class ColumnRow:
    """A column as the page shows it: where its values lie in words, and as a picture."""

    of: ColumnProfile
    values: str
    picture: Markup
    shifted: bool


@dataclass(frozen=True)
class TableProfile:
    """The columns of a version's table.

    Attributes:
        before: the version of the partition before that drift is told against; None where there is none.
        left_out: how many columns are not shown.
        trouble: why it cannot be shown; else empty.
    """

    rows: Sequence[ColumnRow] = ()
    before: VersionKey | None = None
    left_out: int = 0
    trouble: str = ""


def table_profile(store: Store, key: VersionKey, problem: Problem | None) -> TableProfile | None:
    """The profile of a dataset or feature table; None of what is neither. Its bytes are read, so it takes a moment."""
    if not _has_table(store.manifest(key).content):
        return None
    try:
        frame, before = _frame(store, key), _before(store, key, problem)
        earlier = _frame(store, before) if before else None
    except StoreError as error:  # the rest of the version can still be shown
        return TableProfile(trouble=f"{type(error).__name__}: {error}")
    if frame is None:
        return TableProfile(trouble="The table is too large to look into here. Download it.")
    rows = [_row(column) for column in profile(frame, earlier)]
    return TableProfile(rows, before if earlier is not None else None, max(0, len(frame.columns) - MOST_COLUMNS))


def _has_table(content: Content) -> bool:
    return TABLE in (content.codec, content.meta.get("fields", {}).get(FEATURES, {}).get("codec"))


def _frame(store: Store, key: VersionKey) -> pd.DataFrame | None:
    """The table of a version; None if it is too large."""
    content = store.manifest(key).content
    if content.size > LARGEST_LOOKED_INTO or not _has_table(content):
        return None
    is_table = content.codec == TABLE
    frame: pd.DataFrame = store.get(content, of=str(key)) if is_table else store.field(content, FEATURES, of=str(key))
    return frame


def _before(store: Store, key: VersionKey, problem: Problem | None) -> VersionKey | None:
    """What the branch names for the partition before."""
    if problem is None or key.partition is None or not problem.partitions.has(key.partition):
        return None
    earlier = problem.partitions.previous(key.partition)
    head = store.head(key.asset, earlier) if earlier is not None else None
    return head.target if head else None


def _row(column: ColumnProfile) -> ColumnRow:
    picture = Markup(bars(column.histogram, title=f"{column.name}: how its values are spread"))  # noqa: S704  # text is escaped
    shifted = column.drift is not None and column.drift > SHIFTED_ABOVE
    return ColumnRow(column, in_words(column), picture, shifted)
