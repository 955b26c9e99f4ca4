"""Some columns and rows of a stored table, as the whole has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.store.codecs.arrow import PANDAS
from ml_assets.store.codecs.table import as_in_the_whole, chosen, frame_of
from ml_assets.store.codecs.table_pieces import groups_of, index_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq


def read(path: Path, columns: Sequence[str] | None, rows: range | None) -> pd.DataFrame:
    """What ``frame[columns].iloc[rows.start : rows.stop]`` is of the whole frame, with its types and its index.

    Args:
        path: a Parquet file; a sparse one holds what is asked for, see ``table_pieces.hold``.
        columns, rows: None: all.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            part = _with_index(_read(file, columns, rows), file.metadata.num_rows, rows)
            return chosen(as_in_the_whole(frame_of(part), file.schema_arrow), columns)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def _read(file: pq.ParquetFile, columns: Sequence[str] | None, rows: range | None) -> pa.Table:
    groups, first = groups_of(file.metadata, rows)
    index = [name for name in index_of(file.schema_arrow) if isinstance(name, str)]
    read = file.read_row_groups(groups, None if columns is None else [*columns, *index])
    return read if rows is None else read.slice(max(rows.start - first, 0), len(rows))


def _with_index(part: pa.Table, count: int, rows: range | None) -> pa.Table:
    """A part whose index, as far as it counts, goes on counting where the rows begin.

    Args:
        count: how many rows the whole has.
    """
    about = {"columns": [], "column_indexes": [], **(part.schema.pandas_metadata or {})}
    levels = about.get("index_columns") or [{"kind": "range", "name": None, "start": 0, "stop": count, "step": 1}]
    about["index_columns"] = [
        level if isinstance(level, str) or rows is None else _within(level, rows) for level in levels
    ]
    return part.replace_schema_metadata({**(part.schema.metadata or {}), PANDAS: json.dumps(about).encode()})


def _within(level: Mapping[str, Any], rows: range) -> dict[str, Any]:
    counts = range(level["start"], level["stop"], level["step"])[rows.start : rows.stop]
    return {**level, "start": counts.start, "stop": counts.stop}
