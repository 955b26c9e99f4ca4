"""Arrow columns -> pandas columns that hold every one of their values, or a refusal that names the column.

pyarrow's own conversion rounds whole numbers of which one is missing (9007199254740993 becomes 9007199254740992.0) and makes
objects of truths. What each type becomes here:

    whole numbers, none missing     int8 … uint64            some missing    Int8 … UInt64
    truths, none missing            bool                     some missing    boolean
    floats                          float16 … float64; a missing value and NaN are both NaN: pandas' floats have one of them
    instants, durations             datetime64, timedelta64 of their unit and zone
    dates, times of day             objects: datetime.date, datetime.time
    decimals                        objects: decimal.Decimal, which are exact, and which pandas, pandera and NumPy take
    text; bytes; UUIDs              str; objects: bytes; objects: uuid.UUID
    dictionaries of text            category
    lists, structs, maps            objects: arrays (lists, where a whole number in one is missing), dicts, lists of pairs
    other extension types           what they are stored as

Refused is what none of these holds: dates outside the years 1 to 9999, times of day with nanoseconds, and the instant and
the duration whose number pandas keeps for *missing*.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.errors import UnsupportedType

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PANDAS = b"pandas"  # key of what pandas noted about the index and the types of a table
HELD_BY_PANDAS = ("arrow.uuid", "pandas.")  # extension types; others become what they are stored as


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """The table with all of its values, and with the index and the types that its pandas metadata names.

    Raises:
        UnsupportedType: if a column has a value that no pandas type holds.
    """
    import pandas as pd

    table = _with_nullable_types(_without_extensions(table))
    frame = _converted(table)
    for name in frame.columns.intersection(table.column_names):
        if _would_round_inside(table[name]):
            values = _explained(name, table[name], table[name].to_pylist)
            frame[name] = pd.Series(values, index=frame.index, dtype=object)
    for name in frame.columns[[isinstance(d, pd.CategoricalDtype) and not len(d.categories) for d in frame.dtypes]]:
        frame[name] = frame[name].cat.set_categories(pd.Index([], dtype="str"))  # of no values pandas knows no type
    _refuse_lost(frame, table)
    return frame


def with_metadata(table: pa.Table, types: Mapping[str, str], index: Sequence[Any]) -> pa.Table:
    """The table with new pandas metadata.

    Args:
        types: column name -> name of its pandas type; of the others, what fits their values.
        index: names of the columns that are the index; none: a default one.
    """
    noted = [{"name": name, "field_name": name, "pandas_type": "", "numpy_type": t} for name, t in types.items()]
    metadata = {"columns": noted, "index_columns": list(index), "column_indexes": []}
    return table.replace_schema_metadata({**(table.schema.metadata or {}), PANDAS: json.dumps(metadata).encode()})


def _without_extensions(table: pa.Table) -> pa.Table:
    """JSON becomes text, bool8 truths, and so on."""
    import pyarrow as pa

    for at, (name, kind) in enumerate(zip(table.column_names, table.schema.types, strict=True)):
        if isinstance(kind, pa.BaseExtensionType) and not kind.extension_name.startswith(HELD_BY_PANDAS):
            storage = pa.bool_() if kind == pa.bool8() else kind.storage_type
            table = table.set_column(at, name, table[name].cast(storage))
    return table


def _with_nullable_types(table: pa.Table) -> pa.Table:
    """The table with a note of each column that pyarrow would round, or make objects of, because a value is missing."""
    about = table.schema.pandas_metadata or {}
    noted = {str(of.get("field_name") or of["name"]): of["numpy_type"] for of in about.get("columns", ())}
    needed = {name: kind for name in table.column_names if (kind := _nullable(table[name], noted.get(name, "")))}
    if not needed:
        return table
    others = [of for of in about.get("columns", ()) if str(of.get("field_name") or of["name"]) not in needed]
    whole = with_metadata(table, needed, about.get("index_columns", ()))
    new = whole.schema.pandas_metadata
    metadata = {
        **about,
        **new,
        "columns": [*others, *new["columns"]],
        "column_indexes": about.get("column_indexes", []),
    }
    return whole.replace_schema_metadata({**whole.schema.metadata, PANDAS: json.dumps(metadata).encode()})


def _nullable(column: pa.ChunkedArray, noted: str) -> str:
    """The pandas type of a column with missing whole numbers or truths; empty where what is noted holds them, or need not."""
    import pyarrow as pa

    if not column.null_count or "[" in noted or noted[:1].isupper() or noted == "boolean":
        return ""
    if pa.types.is_boolean(column.type):
        return "" if noted == "object" else "boolean"  # objects that were stored come back as objects
    if pa.types.is_integer(column.type):
        return str(column.type).replace("int", "Int").replace("uI", "UI")
    return ""


def _converted(table: pa.Table) -> pd.DataFrame:
    import pyarrow as pa

    try:
        frame: pd.DataFrame = table.to_pandas()
    except (pa.ArrowException, ValueError, OverflowError):
        for name in table.column_names:
            _explained(name, table[name], table[name].to_pandas)
        raise
    return frame


def _explained(name: str, column: pa.ChunkedArray, convert: Callable[[], Any]) -> Any:
    """What ``convert`` makes of the column, or the refusal that names it."""
    import pyarrow as pa

    try:
        return convert()
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise _not_held(name, column, str(error)) from error


def _refuse_lost(frame: pd.DataFrame, table: pa.Table) -> None:
    """Refuse instants and durations of which one more is missing than in the table: the one whose number means *missing*."""
    for name, dtype in frame.dtypes.items():
        if dtype.kind in "mM" and int(frame[name].isna().sum()) != table[name].null_count:
            raise _not_held(str(name), table[name], "its smallest value is what pandas writes for a missing one")


def _not_held(name: str, column: pa.ChunkedArray, why: str) -> UnsupportedType:
    return UnsupportedType(
        f"Column {name!r} of type {column.type} has a value that no pandas type holds: {why.rstrip('.')}. "
        "Write it as text, as a whole number, or cut to microseconds, where it is made."
    )


# ---------------------------------------------------------------- nested columns


def _would_round_inside(column: pa.ChunkedArray) -> bool:
    """Whether lists, structs or maps hold whole numbers of which some are missing."""
    import pyarrow as pa

    if not pa.types.is_nested(column.type):
        return False
    leaves = (leaf for chunk in column.chunks for leaf in _leaves(chunk))
    return any(leaf.null_count and pa.types.is_integer(leaf.type) for leaf in leaves)


def _leaves(array: pa.Array) -> Iterator[pa.Array]:
    """The values inside, of each field."""
    import pyarrow as pa

    if pa.types.is_map(array.type):
        inside = [array.keys, array.items]
    elif pa.types.is_struct(array.type):
        inside = array.flatten()
    elif pa.types.is_nested(array.type):
        inside = [array.flatten()]
    else:
        yield array
        return
    for part in inside:
        yield from _leaves(part)
