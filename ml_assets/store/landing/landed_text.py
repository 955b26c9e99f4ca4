"""A landed file of text (separated values, JSON objects) -> a DataFrame: each column in the type that is declared of it.

Of separated values the others are text; of JSON, what JSON says that they are. Nothing is guessed. An id keeps its leading
zeros, ``NA`` is a name, 2^53 + 1 keeps its last digit beside missing values. An empty field without quotes is missing; one with
quotes is an empty text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.store.codecs.table import frame_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

CODECS = {"gz": "gzip", "bz2": "bz2", "zst": "zstd"}
MOST_SWELLING = 200  # real tables of text become 5 to 50 times as large
SWELLING_FROM_BYTES = 64 << 20


def decompressed(data: bytes, name: str) -> bytes:
    """The bytes of a file, whose name says whether they are compressed.

    Raises:
        ValueError: if they are not what the name says, are cut short, or become many times more than real files do.
    """
    import pyarrow as pa

    codec = CODECS.get(name.rpartition(".")[2])
    if codec is None:
        return data
    most = max(SWELLING_FROM_BYTES, MOST_SWELLING * len(data))
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), codec) as stream:
            found: bytes = stream.read(most + 1)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"it is not compressed as its name says: {error}") from error
    if len(found) > most:
        raise ValueError(f"it has {len(data):,} bytes, and more than {most:,} when it is decompressed, which cannot be")
    return found


def together(parts: Sequence[bytes], read: Callable[[bytes], pd.DataFrame]) -> pd.DataFrame:
    """The rows of all parts in order, each read as one file; they have the same columns.

    Raises:
        ValueError: if they do not.
    """
    import pandas as pd

    frames = [read(data) for data in parts]
    for frame in frames[1:]:
        if set(frame.columns) != set(frames[0].columns):
            odd = ", ".join(sorted(map(repr, set(frame.columns) ^ set(frames[0].columns))))
            raise ValueError(f"its part files have different columns: {odd} not in each")
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def read_objects(data: bytes, types: Mapping[str, Any]) -> pd.DataFrame:
    """The objects, one on each line, as rows in order; a key that one lacks is missing there.

    Raises:
        ValueError: if a line is no object, or a value is not of its key's type.
    """
    import pyarrow as pa
    from pyarrow import json

    reading = json.ReadOptions(block_size=len(data) + 1)  # types are those of all lines, not of the first ones
    declared = {name: _arrow_type(dtype) for name, dtype in types.items()}
    try:
        table = json.read_json(pa.BufferReader(data), reading, _expecting({}))
        named = {name: declared.get(name, _as_written(table.schema.field(name).type)) for name in table.column_names}
        if any(table.schema.field(name).type != kind for name, kind in named.items()):
            table = json.read_json(pa.BufferReader(data), reading, _expecting(named))
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    return frame_of(table)


def _expecting(types: Mapping[str, pa.DataType]) -> Any:
    import pyarrow as pa
    from pyarrow import json

    return json.ParseOptions(explicit_schema=pa.schema(list(types.items())) if types else None)


def _as_written(kind: pa.DataType) -> pa.DataType:
    """JSON has no times: what looks like one is text until somebody declares it."""
    import pyarrow as pa

    return pa.string() if pa.types.is_timestamp(kind) else kind


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
