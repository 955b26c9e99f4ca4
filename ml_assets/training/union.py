"""The rows of several partitions together: each column in the one type that holds all of its values (``values.py``).

A column without that type is refused with the names of both types. Where columns are only passed on (keys, history), one that
is two things altogether, text and numbers say, becomes objects, as in pandas; nothing is ever rounded.

Rows need not be in memory for that: ``types_in_common`` says the types of the whole, of which it reads few columns and keeps few
rows, and ``in_types`` gives them to any piece of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ml_assets.categories import same_list, united
from ml_assets.errors import FeatureMismatch
from ml_assets.values import as_numpy, as_type, in_one_type, is_nullable_number, is_number, is_time, rows_that_decide

if TYPE_CHECKING:
    import pandas as pd

FEATURES = "features"
PIECE_ROWS = 1 << 14  # of the columns whose types depend on values


class Table(Protocol):
    """A partition's feature table where it lies; what is not asked for is not in memory. See ``ml_assets.store``."""

    def types(self, field: str) -> pd.DataFrame:
        """A frame without rows that has the columns and types of ``keys`` or ``features``."""
        ...

    def count(self, field: str) -> int:
        """How many rows that has."""
        ...

    def batches(self, field: str, rows: int, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """The rows of ``keys``, ``features`` or ``label`` in order, ``rows`` at a time; a batch without rows if there is none."""
        ...


def joined(frames: Mapping[str, pd.DataFrame], of: str, *, strict: bool = False) -> pd.DataFrame:
    """The rows of all frames in order, with a default index; a column that one lacks is missing there.

    Args:
        frames: partition -> its rows, at least one.
        of: what the columns are, as errors call them: ``feature``.
        strict: refuse also columns that are two things altogether.
    Raises:
        FeatureMismatch: if no type holds the values of a column.
    """
    import pandas as pd

    frames = dict(zip(frames, united(frames), strict=True))
    apart = {name: column for name in _changing(frames) if (column := _united(name, frames, of, strict)) is not None}
    rest = [frame.drop(columns=[name for name in apart if name in frame]) for frame in frames.values()]
    whole = pd.concat(rest, ignore_index=True).assign(**apart)
    return whole[list(dict.fromkeys(name for frame in frames.values() for name in frame))]


def types_in_common(tables: Mapping[str, Table], field: str) -> pd.DataFrame:
    """A frame without rows: the columns that all rows of ``keys`` or ``features`` have, each in its type of the whole.

    What ``joined`` makes of these rows, and of features ``values.as_numpy``. Read are only columns whose type depends on values:
    those that change from table to table, and nullable numbers.
    """
    import pandas as pd

    types, is_strict = {at: table.types(field) for at, table in tables.items()}, field == FEATURES
    unsure = {*_changing(types), *(_nullable_numbers(types) if is_strict else ())}
    few = {
        at: _deciding(table, field, [name for name in map(str, types[at]) if name in unsure])
        for at, table in tables.items()
    }
    sure = {at: frame.drop(columns=frame.columns.intersection([*unsure])) for at, frame in types.items()}
    decided = joined(few, field.removesuffix("s"), strict=is_strict)
    known = {**joined(sure, field), **(as_numpy(decided) if is_strict else decided).head(0)}
    return pd.DataFrame({name: known[name] for frame in types.values() for name in frame})


def _nullable_numbers(types: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    return (str(name) for frame in types.values() for name, of in frame.items() if is_nullable_number(of))


def in_types(rows: pd.DataFrame, types: pd.DataFrame) -> pd.DataFrame:
    """Rows of one of the frames that have ``types`` in common, with exactly its columns and types."""
    has = dict(rows.dtypes)
    other = {
        str(name): _in_type(rows, str(name), dtype)
        for name, dtype in types.dtypes.items()
        if name not in has or not _same(has[name], dtype)
    }
    return rows.assign(**other)[list(types)]


def _in_type(rows: pd.DataFrame, name: str, dtype: Any) -> pd.Series:
    import pandas as pd

    column = _column(rows, name)
    if isinstance(dtype, pd.CategoricalDtype) and isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.set_categories(dtype.categories, ordered=dtype.ordered)
    found = as_type(column, dtype)
    return column.astype(dtype) if found is None else found


def _same(one: Any, other: Any) -> bool:
    """Whether they are one type; to pandas, unordered categories have no order, and codes would differ."""
    import pandas as pd

    both = isinstance(one, pd.CategoricalDtype) and isinstance(other, pd.CategoricalDtype)
    return same_list(one, other) if both else bool(one == other)


def _deciding(table: Table, field: str, columns: Sequence[str]) -> pd.DataFrame:
    """The few rows that decide the types of these columns, see ``rows_that_decide``; at least one, if there is any."""
    import pandas as pd

    if not columns:
        return pd.DataFrame(index=range(min(1, table.count(field))))
    few: list[pd.DataFrame] = []
    for rows in table.batches(field, PIECE_ROWS, columns):
        kept = pd.concat([*few, rows.take(rows_that_decide(rows))], ignore_index=True)
        few = [kept.take(rows_that_decide(kept))]
    return few[0]


def pair(one: pd.Series, other: pd.Series) -> tuple[pd.Series, pd.Series] | None:
    """Two columns of one name in the type that they have in common; None if there is none."""
    return in_one_type(one, other)


def _changing(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """The columns that do not have one type in all frames. (Categories have one list by now.)"""
    import pandas as pd

    types: dict[str, list[Any]] = {}
    for frame in frames.values():
        for name, dtype in frame.dtypes.items():
            types.setdefault(str(name), []).append(dtype)
    return [
        name
        for name, of in types.items()
        if len(of) < len(frames) or any(dtype != of[0] for dtype in of)
        if not all(isinstance(dtype, pd.CategoricalDtype) for dtype in of)
    ]


def _united(name: str, frames: Mapping[str, pd.DataFrame], of: str, strict: bool) -> pd.Series | None:
    """All values of a column in order, with a default index; None where pandas may make objects of them."""
    import pandas as pd

    columns = {partition: _column(frame, name) for partition, frame in frames.items()}
    (first, known), *rest = columns.items()
    for partition, column in rest:
        both = pair(known, column)
        if both is None and not strict and not _would_be_rounded(known, column):
            return None
        if both is None:
            raise _apart(name, of, (first, known), (partition, column))
        known = pd.concat(both, ignore_index=True)
    return known


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    import pandas as pd

    return frame[name] if name in frame else pd.Series(None, index=frame.index, dtype=object)


def _would_be_rounded(one: pd.Series, other: pd.Series) -> bool:
    """Whether pandas would find a type for both that does not hold their values."""
    return all(map(is_number, (one, other))) or all(map(is_time, (one, other)))


def _apart(name: str, of: str, one: tuple[str, pd.Series], other: tuple[str, pd.Series]) -> FeatureMismatch:
    said = " and ".join(f"{column.dtype} in {partition}" for partition, column in (one, other))
    return FeatureMismatch(
        f"The {of} {name!r} is {said}, and no type holds the values of both as they are. Give it one type in every partition, "
        f"in the problem's dataset() or features(), such as .astype('{other[1].dtype}'); then materialize {one[0]} again."
    )
