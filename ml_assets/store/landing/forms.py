"""A table as a file that programs of other languages read and write: Parquet, Arrow or separated values.

Parquet and Arrow say the types. Separated values do not: numbers are written so that reading them again gives the same bits, an
empty field is missing (NaN, too), a quoted empty one is an empty text, instants are ISO 8601. Whoever reads one says the types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from ml_assets.store.landing import landed_table, landed_text

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Form = Literal["parquet", "arrow", "csv"]


def to_form(frame: pd.DataFrame, form: Form) -> bytes:
    """The rows in order, without their index."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    table, sink = pa.Table.from_pandas(frame, preserve_index=False), pa.BufferOutputStream()
    if form == "parquet":
        parquet.write_table(table, sink)
    elif form == "arrow":
        with pa.ipc.new_file(sink, table.schema) as file:
            file.write_table(table)
    else:
        csv.write_csv(_plain(table), sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def from_form(data: bytes, form: Form, types: Mapping[str, Any]) -> pd.DataFrame:
    """The rows in order, with a default index.

    Args:
        types: of separated values column -> pandas type; the others are text.
    Raises:
        ValueError: if the file is not of this form, or a value is not of its column's type.
    """
    if form == "parquet":
        return landed_table.read([data])
    if form == "arrow":
        return landed_table.read_arrow([data])
    return landed_text.read(data, types, separator=",", decimal=".", encoding="utf-8")


def _plain(table: pa.Table) -> pa.Table:
    """Its categories as their values, which is what a text has."""
    import pyarrow as pa

    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
