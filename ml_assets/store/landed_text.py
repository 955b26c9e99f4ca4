"""A landed file of separated values (CSV, TSV) -> a DataFrame: each column in the type that is declared of it, others as text.

Nothing is guessed. An id keeps its leading zeros, ``NA`` is a name, 2^53 + 1 keeps its last digit beside missing values. An
empty field without quotes is missing; one with quotes is an empty text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.store.codecs.table import frame_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def read(data: bytes, types: Mapping[str, Any], *, separator: str, decimal: str, encoding: str) -> pd.DataFrame:
    """The rows in order, with a default index.

    Args:
        types: column -> pandas type, of those that are declared.
        separator, decimal: one character each.
        encoding: as Python names it.
    Raises:
        ValueError: if the file is not of this form, or a value is not of its column's type.
    """
    import pyarrow as pa
    from pyarrow import csv

    reading = csv.ReadOptions(encoding=encoding)
    parsing, names = csv.ParseOptions(delimiter=separator, newlines_in_values=True), list[str]()
    try:
        names = _header(data, encoding, parsing)
        _refuse_other_header(names, types, separator)
        arrow = {name: _arrow_type(types[name]) if name in types else pa.string() for name in names}
        converting = csv.ConvertOptions(
            column_types=arrow,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            decimal_point=decimal,
        )
        table = csv.read_csv(pa.BufferReader(data), reading, parsing, converting)
    except (pa.ArrowException, LookupError, UnicodeError) as error:
        raise ValueError(_explained(str(error), names, encoding)) from error
    return frame_of(table)


def _header(data: bytes, encoding: str, parsing: Any) -> list[str]:
    """The names of the columns: the first line, parsed alone."""
    import pyarrow as pa
    from pyarrow import csv

    first = data.decode(encoding).partition("\n")[0].encode() if encoding != "utf-8" else data.partition(b"\n")[0]
    table = csv.read_csv(pa.BufferReader(first + b"\n"), csv.ReadOptions(), parsing)
    return [str(name) for name in table.column_names]


def _refuse_other_header(names: list[str], types: Mapping[str, Any], separator: str) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"it has several columns that are called {', '.join(map(repr, twice))}")
    if types and not set(names) & set(types):
        raise ValueError(
            f"its first line has the columns {', '.join(map(repr, names))} and none of those that the schema declares. The "
            f"separator was taken to be {separator!r}; if it is another, say so: source.csv(name, separator=…)"
        )


def _arrow_type(dtype: Any) -> pa.DataType:
    """The Arrow type that holds the values of a pandas type; text for those that are made of text later."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    known = pd.api.types.pandas_dtype(dtype)
    if isinstance(known, pd.DatetimeTZDtype):
        return pa.timestamp(known.unit, str(known.tz))
    plain = np.dtype(getattr(known, "numpy_dtype", None) or (known if isinstance(known, np.dtype) else object))
    return pa.string() if plain.kind not in "biufM" else pa.from_numpy_dtype(plain)


def _explained(said: str, names: list[str], encoding: str) -> str:
    """pyarrow's words, with the column's name for its number, and what to do about an encoding."""
    for at, name in enumerate(names):
        said = said.replace(f"In CSV column #{at}: CSV conversion error to", f"column {name!r} is no")
    hint = (
        f" It was read as {encoding}; if it is another, say so: source.csv(name, encoding=…)" if "UTF8" in said else ""
    )
    return said.removeprefix("CSV parse error: ") + hint
