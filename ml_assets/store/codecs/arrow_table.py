"""pyarrow.Table and polars.DataFrame -> one Arrow IPC file: every type, dictionary, nesting and note comes back.

The bytes are those of the values alone: one batch, no compression, nothing where a value is missing, notes by name. No
version of a library is in them. What is read is validated in full before anybody sees it, for Arrow follows offsets
without looking.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

FILE = "table.arrow"
ARROW, POLARS = "pyarrow.Table", "polars.DataFrame"


class ArrowCodec:
    """Files: ``table.arrow``. Meta: ``{"class": …}``, which of the two it was."""

    name = "arrow"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if is_instance(value, "pyarrow", "Table"):
            return Encoded(self.name, {"class": ARROW}, {FILE: to_ipc(value)})
        if is_instance(value, "polars", "DataFrame"):
            return Encoded(self.name, {"class": POLARS}, {FILE: to_ipc(_from_polars(value))})
        return None

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        if meta["class"] not in (ARROW, POLARS):
            raise ValueError(f"no table is a {meta['class']!r}")
        table = from_ipc(parts[FILE])
        return table if meta["class"] == ARROW else _to_polars(table)


def to_ipc(table: pa.Table) -> bytes:
    """Equal tables give equal bytes, however they were cut into chunks and whatever lay where a value is missing.

    Raises:
        UnsupportedType: if a column would not come back as it is.
    """
    import pyarrow as pa

    try:
        data = _written(_settled(table))
        again = _written(_settled(from_ipc(data)))
    except (pa.ArrowException, ValueError, NotImplementedError) as error:
        raise UnsupportedType(
            f"A table has a column that Arrow cannot write alone: {error}. Convert that column."
        ) from error
    if again != data:
        raise UnsupportedType("A table would not come back as it is: one of its columns has a type that Arrow forgets.")
    return data


def from_ipc(data: bytes) -> pa.Table:
    """The table, every offset and index of which lies inside of its data; ValueError for other bytes."""
    import pyarrow as pa

    try:
        with pa.ipc.open_file(pa.BufferReader(data)) as file:
            table = file.read_all()
        table.validate(full=True)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    return table


def _settled(table: pa.Table) -> pa.Table:
    """The same values in memory of their own."""
    import pyarrow as pa

    table = table.unify_dictionaries().combine_chunks()
    columns = [_settled_array(column.combine_chunks()) for column in table.columns]
    fields = [pa.field(f.name, f.type, f.nullable, _sorted(f.metadata)) for f in table.schema]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, _sorted(table.schema.metadata)))


def _settled_array(array: pa.Array) -> pa.Array:
    """The same values, with nothing where one is missing, also inside of lists, structs and dictionaries."""
    import numpy as np
    import pyarrow as pa

    array = array.take(pa.array(np.arange(len(array))))
    kind, missing = array.type, array.is_null()
    if pa.types.is_struct(kind) and kind.num_fields:
        inside = [_settled_array(field) for field in array.flatten()]
        return pa.StructArray.from_arrays(inside, fields=list(kind), mask=missing)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        ends = pa.array(np.cumsum([0, *lengths]), pa.int32() if pa.types.is_list(kind) else pa.int64())
        return type(array).from_arrays(ends, _settled_array(array.flatten()), type=kind, mask=missing)
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(array.indices, _settled_array(array.dictionary), ordered=kind.ordered)
    return array


def _sorted(notes: Mapping[bytes, bytes] | None) -> dict[bytes, bytes] | None:
    return dict(sorted(notes.items())) if notes else None


def _written(table: pa.Table) -> bytes:
    import pyarrow as pa

    buffer = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=None, use_threads=False)
    with pa.ipc.new_file(buffer, table.schema, options=options) as writer:
        for batch in table.to_batches():
            writer.write_batch(batch)
    return buffer.getvalue()


def _from_polars(frame: pl.DataFrame) -> pa.Table:
    import pyarrow as pa

    try:
        table = frame.to_arrow()
    except (pa.ArrowException, ValueError) as error:
        raise UnsupportedType(f"A polars DataFrame has a column that Arrow does not have: {error}. Cast it.") from error
    back = _to_polars(table)
    changed = [name for name, dtype in frame.schema.items() if back.schema[name] != dtype]
    if changed:
        raise UnsupportedType(
            f"Column {changed[0]!r} is {frame.schema[changed[0]]} and would come back as {back.schema[changed[0]]}. Cast it."
        )
    return table


def _to_polars(table: pa.Table) -> pl.DataFrame:
    """ValueError, too, where polars panics."""
    import polars as pl

    try:
        frame = pl.from_arrow(table)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise ValueError(str(error)) from error
    if not isinstance(frame, pl.DataFrame):
        raise TypeError("polars makes no DataFrame of it")
    return frame
