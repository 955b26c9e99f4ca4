"""Where the bytes of some columns and rows of a stored table lie, so that the others need not be fetched.

A large table is stored with a list of its pieces (``pieces.py``): one for each column of each row group, which is what Parquet
reads at least, and the end, which says where these are.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.store import pieces
from ml_assets.store.backends.backend import PIECE

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

Spans = list[tuple[int, int]]


def listed(source: bytes | Path) -> dict[str, bytes]:
    """The list of the pieces of a Parquet file by its name, for one that is large; a small one is read whole and has none."""
    if (len(source) if isinstance(source, bytes) else source.stat().st_size) <= PIECE:
        return {}
    if isinstance(source, bytes):
        return {pieces.LIST: _pieces(memoryview(source))}
    with (
        source.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as data,
    ):
        return {pieces.LIST: _pieces(data)}


def _pieces(data: memoryview) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pa.BufferReader(data) as file:
        metadata = pq.read_metadata(file)
    return pieces.to_json(pieces.cut(data, (stop for group in _columns(metadata) for _, stop in group)))


def spans(path: Path, columns: Sequence[str] | None, rows: range | None) -> Spans:
    """Where the bytes lie that ``table_part.read`` reads for these columns and rows.

    Args:
        path: a Parquet file of which only the end need be there.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            places, wanted = _columns(file.metadata), _leaves(file, columns)
            groups, _ = groups_of(file.metadata, rows)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    return [places[n][at] for n in groups for at in wanted]


def groups_of(metadata: pq.FileMetaData, rows: range | None) -> tuple[list[int], int]:
    """The row groups that have some of these rows, and the number of the first row in them."""
    lengths = (metadata.row_group(n).num_rows for n in range(metadata.num_row_groups))
    spans = [*pairwise(accumulate(lengths, initial=0))]
    found = [n for n, (start, stop) in enumerate(spans) if rows is None or (start < rows.stop and rows.start < stop)]
    return found, spans[found[0]][0] if found else 0


def index_of(schema: pa.Schema) -> list[Any]:
    """The columns that are the index, or a description of the numbers that it counts; empty: it counts from 0."""
    found: list[Any] = (schema.pandas_metadata or {}).get("index_columns", [])
    return found


def _columns(metadata: pq.FileMetaData) -> list[Spans]:
    """Where each column of each row group lies."""
    groups = (metadata.row_group(n) for n in range(metadata.num_row_groups))
    return [[_place(group.column(at)) for at in range(group.num_columns)] for group in groups]


def _place(column: pq.ColumnChunkMetaData) -> tuple[int, int]:
    dictionary = [column.dictionary_page_offset] if column.has_dictionary_page else []
    start = min(column.data_page_offset, *dictionary) if dictionary else column.data_page_offset
    return start, start + column.total_compressed_size


def _leaves(file: pq.ParquetFile, columns: Sequence[str] | None) -> list[int]:
    """The numbers of these columns in the file, where those of lists and structs have longer names, and of the index."""
    schema = file.metadata.schema
    paths = [schema.column(n).path for n in range(len(schema))]
    names = {*(paths if columns is None else columns), *filter(_is_name, index_of(file.schema_arrow))}
    below = tuple(f"{name}." for name in names)
    return [n for n, path in enumerate(paths) if path in names or path.startswith(below)]


def _is_name(of: Any) -> bool:
    return isinstance(of, str)
