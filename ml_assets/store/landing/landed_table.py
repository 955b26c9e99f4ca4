"""A landed Parquet file, whoever wrote it -> a DataFrame: the columns of the file, with a default index, and all their values.

What pandas noted in a file about index and types is taken as far as it fits the columns: other tools copy such notes and
change the columns. A column that was an index with a name is a column; the row numbers that pandas keeps of rows that were
filtered or sorted are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.codecs.arrow import PANDAS, with_metadata
from ml_assets.store.codecs.table import frame_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

_ROW_NUMBERS = re.compile(r"__index_level_\d+__")
NANOSECONDS = 1_000  # in a microsecond


def read(parts: Sequence[bytes]) -> pd.DataFrame:
    """The rows of Parquet files that together are one table, in order.

    Raises:
        ValueError: if one is not a whole Parquet file, or they have columns that do not unite.
        UnsupportedType: if a column has a value that no pandas type holds.
    """
    import pyarrow as pa

    try:
        tables = [_with_what_fits(_read_one(data)) for data in parts]
        return frame_of(tables[0] if len(tables) == 1 else _united(tables))
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def read_arrow(parts: Sequence[bytes]) -> pd.DataFrame:
    """The rows of Arrow files (IPC, of files or streams) that together are one table, in order.

    Raises:
        ValueError: if one is not a whole Arrow file, or they have columns that do not unite.
        UnsupportedType: if a column has a value that no pandas type holds.
    """
    import pyarrow as pa

    try:
        tables = [_with_what_fits(_opened(data).read_all()) for data in parts]
        for table in tables:
            table.validate(full=True)  # offsets that lead astray
        return frame_of(tables[0] if len(tables) == 1 else _united(tables))
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def _opened(data: bytes) -> pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader:
    import pyarrow as pa

    opened = pa.ipc.open_file if data.startswith(b"ARROW1") else pa.ipc.open_stream
    return opened(pa.BufferReader(data))


def _united(tables: Sequence[pa.Table]) -> pa.Table:
    """All rows; a column that a part lacks is missing there, and one of several widths has the widest."""
    import pyarrow as pa

    return pa.concat_tables(tables, promote_options="permissive")


# ---------------------------------------------------------------- instants of 12 bytes


def _read_one(data: bytes) -> pa.Table:
    """The table, its INT96 instants in microseconds: those of nanoseconds end in 2262, and wrap around beyond.

    Of a column that has finer ones, and none beyond, they stay nanoseconds.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(data), coerce_int96_timestamp_unit="us")
    table, old = file.read(), sorted(_int96(file.schema))
    if not old:
        return table
    fine = pq.ParquetFile(pa.BufferReader(data)).read(old)
    for name in old:
        at = table.column_names.index(name)
        table = table.set_column(at, name, _whole_instants(name, table[name], fine[name]))
    return table


def _int96(schema: pq.ParquetSchema) -> Iterator[str]:
    columns = (schema.column(n) for n in range(len(schema)))
    return (column.path for column in columns if column.physical_type == "INT96" and column.path == column.name)


def _whole_instants(name: str, micro: pa.ChunkedArray, nano: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column in microseconds, or in nanoseconds where that is finer and nothing wrapped around."""
    import numpy as np
    import pyarrow as pa

    coarse, fine = (column.cast(pa.int64()).fill_null(0).to_numpy() for column in (micro, nano))
    inside = abs(coarse) <= np.iinfo(np.int64).max // NANOSECONDS
    if (fine[inside] == coarse[inside] * NANOSECONDS).all():
        return micro
    if not inside.all():
        raise UnsupportedType(
            f"Column {name!r} holds instants with nanoseconds beside some outside the years 1678 to 2261 (INT96), and no "
            "pandas type holds both. Write it in microseconds where it is made."
        )
    return nano


# ---------------------------------------------------------------- what pandas noted


def _with_what_fits(table: pa.Table) -> pa.Table:
    """The table with the extension types that pandas noted and the columns still have, and without numbers of rows."""
    about = _noted(table)
    columns = [of for of in _listed(about, "columns") if isinstance(of, Mapping)]
    hints = {str(of.get("field_name") or of.get("name")): str(of.get("numpy_type")) for of in columns}
    numbers = [name for name in _listed(about, "index_columns") if _is_row_numbers(table, name)]
    table = table.drop_columns(numbers)
    types = {
        name: hints[name] for name in table.column_names if _fits(hints.get(name, ""), table.schema.field(name).type)
    }
    return with_metadata(table, types, index=())


def _noted(table: pa.Table) -> Mapping[str, Any]:
    """What pandas noted; nothing where that is no JSON object."""
    try:
        about = json.loads((table.schema.metadata or {}).get(PANDAS, b"{}"))
    except ValueError:
        return {}
    return about if isinstance(about, Mapping) else {}


def _listed(about: Mapping[str, Any], name: str) -> list[Any]:
    found = about.get(name)
    return found if isinstance(found, list) else []


def _is_row_numbers(table: pa.Table, name: object) -> bool:
    import pyarrow as pa

    is_unnamed = isinstance(name, str) and _ROW_NUMBERS.fullmatch(name) is not None and name in table.column_names
    return is_unnamed and pa.types.is_integer(table.schema.field(name).type)


def _fits(hint: str, kind: pa.DataType) -> bool:
    """Whether ``hint`` names an extension type of pandas that is made of exactly such a column."""
    import pandas as pd
    import pyarrow as pa

    try:
        dtype = pd.api.types.pandas_dtype(hint)
    except (TypeError, ValueError, NotImplementedError):  # of a library that is not here, or of none
        return False
    if isinstance(dtype, pd.StringDtype):
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
    if isinstance(dtype, pd.ArrowDtype):
        return bool(dtype.pyarrow_dtype == kind)
    numpy_dtype = getattr(dtype, "numpy_dtype", None)  # of Int64 and its like
    return numpy_dtype is not None and bool(pa.from_numpy_dtype(numpy_dtype) == kind)
