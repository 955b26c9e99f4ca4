"""pandas.DataFrame -> Parquet. What would not come back with the same types is refused when it is written.

A table may also be written and read some rows at a time, so that its size is no question of memory; it is the same file,
with row groups of ROW_GROUP rows however the rows came, so that equal rows have equal bytes. ``columns.py`` says how each
column is written.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.categories import described, restored, same_list
from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json, canonical, parse
from ml_assets.store.codecs import arrow, columns
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance
from ml_assets.store.codecs.table_pieces import listed

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

CATEGORIES = b"ml_assets.categories"
FILE = "table.parquet"
ROW_GROUP = 1 << 16  # rows; a reader and a writer hold about one group
READ_BUFFER = 1 << 18  # bytes per column


class TableCodec:
    """Files: ``table.parquet``, with pandas' metadata and the categories of categorical columns; ``table.pieces.json``."""

    name = "table"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if not is_instance(value, "pandas", "DataFrame"):
            return None
        data = to_parquet(value)
        _refuse_changes(value, data)
        return Encoded(self.name, {}, {FILE: data, **listed(data)})

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        return from_parquet(parts[FILE])


def to_parquet(frame: pd.DataFrame) -> bytes:
    """Equal frames give equal bytes with the same pyarrow and pandas.

    Raises:
        UnsupportedType: if a column or its name has no Parquet type.
    """
    buffer = io.BytesIO()  # its value is given away without a copy
    _write([_to_arrow(frame)], buffer)
    return buffer.getvalue()


def from_parquet(data: bytes) -> pd.DataFrame:
    """The frame, with the dtypes and index it had."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return frame_of(pq.ParquetFile(pa.BufferReader(data)).read())
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def write_batches(frames: Iterable[pd.DataFrame], path: Path) -> None:
    """Write the rows of all ``frames`` to the file ``path``, as one table with a default index; holds about ROW_GROUP rows.

    Args:
        frames: at least one, each with the columns and dtypes of the first; their indices are left out.
    Raises:
        UnsupportedType: if one has other columns or dtypes, or would not come back as it was.
    """
    import pyarrow.parquet as pq

    rest = iter(frames)
    first = next(rest, None)
    if first is None:
        raise UnsupportedType(
            "A table of no batches has no columns. Give at least one DataFrame, if need be without rows."
        )
    head = _to_arrow(first, index=False)
    _write(itertools.chain([head], _alike(first, head.schema, rest)), path)
    _refuse_other_types(first, dict(frame_of(pq.ParquetFile(path).read_row_group(0)).dtypes))


def read_batches(path: Path, rows: int, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
    """The rows of a table in order, ``rows`` at a time, with the dtypes of the whole; one frame without rows if it has none.

    A default index counts within each batch; another one is the whole's.

    Args:
        columns: which to read, in this order; None: all.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, buffer_size=READ_BUFFER, pre_buffer=False) as file:  # else all is read at once
            whole, read = file.schema_arrow, file.iter_batches(min(rows, ROW_GROUP), columns=columns)
            some = False
            for table in _regrouped((pa.Table.from_batches([batch]) for batch in read), rows):
                some = True
                yield chosen(as_in_the_whole(frame_of(table), whole), columns)
            if not some:
                yield chosen(_without_rows(whole), columns)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def without_rows(path: Path) -> tuple[pd.DataFrame, int]:
    """The columns and dtypes of a table, as a frame without rows, and how many rows it has; these are not read."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return _without_rows(file.schema_arrow), file.metadata.num_rows


def _without_rows(schema: pa.Schema) -> pd.DataFrame:
    return as_in_the_whole(frame_of(schema.empty_table()), schema)


def chosen(frame: pd.DataFrame, columns: Sequence[str] | None) -> pd.DataFrame:
    """These columns alone: pyarrow takes one named ``a.b`` for a part of ``a``."""
    return frame if columns is None else frame[list(columns)]


def _write(tables: Iterable[pa.Table], to: Path | io.BytesIO) -> None:
    """Write the rows of ``tables``, all of one schema and at least one, as row groups of ROW_GROUP rows."""
    import pyarrow.parquet as pq

    groups = _regrouped(tables, ROW_GROUP)
    first = next(groups)
    with _types_explained():
        writer = pq.ParquetWriter(to, first.schema, **columns.layout(first))
    with writer:
        for group in itertools.chain([first], groups):
            with _types_explained():
                writer.write_table(group.combine_chunks())  # chunks would show in the pages


def _regrouped(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Tables of exactly ``rows`` rows, the last of what is left. (pyarrow cuts where row groups or dictionaries change.)"""
    import pyarrow as pa

    held, some = None, False
    for table in tables:
        held = pa.concat_tables([held, table]) if held else table
        while len(held) >= rows:
            yield held.slice(0, rows)
            held, some = held.slice(rows), True
    if held is not None and (len(held) or not some):
        yield held


def _alike(first: pd.DataFrame, schema: pa.Schema, rest: Iterable[pd.DataFrame]) -> Iterator[pa.Table]:
    """The other frames, each with exactly the columns of the first."""
    for frame in rest:
        if not frame.dtypes.equals(first.dtypes):
            kinds = (" ".join(f"{name} {dtype}" for name, dtype in f.dtypes.items()) for f in (frame, first))
            raise UnsupportedType("A batch has the columns {}; the first had {}. Give all the same.".format(*kinds))
        yield _to_arrow(frame, index=False, schema=schema)


def as_in_the_whole(frame: pd.DataFrame, schema: pa.Schema) -> pd.DataFrame:
    """The one type that depends on the rows: booleans of which some are None are objects, also in a batch without any None."""
    kinds = {column["name"]: column["numpy_type"] for column in (schema.pandas_metadata or {}).get("columns", [])}
    mixed = [name for name in frame if frame[name].dtype == bool and kinds.get(name) == "object"]
    return frame.astype(dict.fromkeys(mixed, object))


def _to_arrow(frame: pd.DataFrame, *, index: bool = True, schema: pa.Schema | None = None) -> pa.Table:
    """As an Arrow table that remembers its categories.

    Args:
        index: whether to keep the index; a default one is left out in any case, for a table without any gets it.
        schema: types to convert to; None for those that fit.
    """
    import pandas as pd
    import pyarrow as pa

    _refuse_names(frame)
    categories = _categories(frame)
    kept = index and not frame.index.identical(pd.RangeIndex(len(frame)))
    try:
        with _types_explained():  # None: as it is; True would write the numbers of a range
            table = pa.Table.from_pandas(frame, schema=schema, preserve_index=None if kept else False)
    except OverflowError as error:
        raise UnsupportedType(
            f"Column {_overflowing(frame)!r} holds objects that are whole numbers beyond int64: {error}. "
            "Convert it, to text or, if none is negative or beyond uint64, with .astype('UInt64')."
        ) from error
    return table.replace_schema_metadata({**(table.schema.metadata or {}), CATEGORIES: canonical(categories)})


def frame_of(table: pa.Table) -> pd.DataFrame:
    """The table with all of its values, its index and its categories."""
    import pandas as pd

    frame = arrow.to_pandas(table)
    for name, description in parse((table.schema.metadata or {}).get(CATEGORIES, b"{}")).items():
        dtype = restored(description)
        if name in frame and not (
            isinstance(frame[name].dtype, pd.CategoricalDtype) and same_list(frame[name].dtype, dtype)
        ):
            frame[name] = pd.Categorical.from_codes(_codes(table.column(name), dtype), dtype=dtype)
    return frame


def _codes(column: pa.ChunkedArray, dtype: pd.CategoricalDtype) -> np.ndarray:
    """The place of each value in a list of categories, -1 where it is missing. (pandas would make floats of some numbers.)"""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    known = pa.array(dtype.categories, type=values.type) if len(dtype.categories) else pa.array([], type=values.type)
    codes: np.ndarray = pc.fill_null(pc.index_in(values, value_set=known), -1).to_numpy()
    return codes


@contextmanager
def _types_explained() -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise UnsupportedType(
            f"A DataFrame has a column without a Parquet type: {error}. Convert that column."
        ) from error


def _categories(frame: pd.DataFrame) -> dict[str, Json]:
    """The categories of categorical columns: Parquet forgets unused ones, numbers, and all of them without rows."""
    import pandas as pd

    kinds = {}
    for name, dtype in frame.dtypes.items():
        if isinstance(dtype, pd.CategoricalDtype):
            values = dtype.categories
            if len(values) and not _storable(values.dtype):
                raise UnsupportedType(
                    f"Column {name!r} has categories of type {values.dtype}; text, numbers, truths and times can be "
                    f"stored. Convert it: frame[{name!r}].astype('str').astype('category')."
                )
            kinds[str(name)] = described(dtype)
    return kinds


def _storable(dtype: Any) -> bool:
    from pandas.api import types

    is_number = types.is_integer_dtype(dtype) or types.is_float_dtype(dtype) or types.is_bool_dtype(dtype)
    return is_number or str(dtype) in ("str", "string") or types.is_datetime64_any_dtype(dtype)


def _overflowing(frame: pd.DataFrame) -> str:
    """The column whose whole numbers pyarrow cannot take; it does not say which itself."""
    import pyarrow as pa

    for name in frame.select_dtypes("object"):
        try:
            pa.array(frame[name], from_pandas=True)
        except OverflowError:
            return str(name)
        except (pa.ArrowException, ValueError, TypeError):
            continue
    return "?"


def _refuse_names(frame: pd.DataFrame) -> None:
    odd = [name for name in frame.columns if type(name) is not str]
    if odd or not frame.columns.is_unique:
        raise UnsupportedType(
            f"A DataFrame's columns must have unique names of type str; {odd or list(frame.columns)} cannot be stored. "
            "Rename them: frame.columns = frame.columns.map(str)."
        )


def _refuse_changes(frame: pd.DataFrame, data: bytes) -> None:
    """Refuse a frame that would come back with other dtypes, other objects or another index than it has.

    Nearly all types follow from those in the file, and their values are exact; what objects and an index become depends on
    their values, so these alone are read back.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(pa.BufferReader(data)) as file:
        schema = file.schema_arrow
        unsure = [name for name in schema.names if name not in frame or frame[name].dtype == object]
        types, read = frame_of(schema.empty_table()).dtypes, frame_of(file.read(unsure))
    _refuse_other_types(frame, {**types, **read.dtypes})
    _refuse_other_values(frame, read, schema)
    if not frame.index.equals(read.index) or frame.index.names != read.index.names:
        raise UnsupportedType(f"The index {frame.index!r} would not come back as it is. Use frame.reset_index().")


def _refuse_other_types(frame: pd.DataFrame, stored: Mapping[str, Any]) -> None:
    """Refuse a frame of whose columns some would come back with another dtype than they have."""
    for name, dtype in frame.dtypes.items():
        if dtype != stored[str(name)]:
            raise UnsupportedType(
                f"Column {name!r} is {dtype} and would come back as {stored[str(name)]}. "
                f"Convert it before you return the DataFrame, e.g. frame[{name!r}].astype('{stored[str(name)]}')."
            )


def _refuse_other_values(frame: pd.DataFrame, stored: pd.DataFrame, schema: pa.Schema) -> None:
    """Refuse a frame whose objects would come back as others: text among bytes, a time of day without its zone."""
    import pyarrow as pa

    for name in frame.columns.intersection(stored.columns):
        if pa.types.is_nested(schema.field(name).type):
            continue  # pyarrow takes lists and dicts apart by itself, and refuses what is not of one type
        old, new = (of[name].to_numpy(dtype=object) for of in (frame, stored))
        changed = ((old != new) & ~(frame[name].isna() & stored[name].isna()).to_numpy()).nonzero()[0]
        if len(changed):
            raise UnsupportedType(
                f"Column {name!r} holds {old[changed[0]]!r}, which would come back as {new[changed[0]]!r}. "
                "Convert all of its values to one type before you return the DataFrame."
            )
