"""How each column of a table is written: what repeats as a dictionary of its values, what hardly does with its bytes split
(all first bytes, all second ones, …), which is fast and compresses as well as numbers can.

Decided by the first rows of the file, so that equal rows have equal bytes however they came. Measured on numbers without
repetition (500 MB) and on real features, most of which are means and counts (27,000 x 65), seconds of one core:

    every column written as        500 MB of numbers        features
    a dictionary, zstd             435 MB  3.1 s            1.7 MB  0.037 s
    split bytes, lz4               339 MB  0.8 s            5.2 MB  0.029 s
    what fits it, as here          339 MB  0.8 s            1.7 MB  0.039 s
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE = 1 << 12  # rows
REPEATING_FLOATS = 0.5  # fraction of distinct values up to which a dictionary pays: at 0.35 it has a third of the size
REPEATING_INTEGERS = 0.2  # of these, and of times, the high bytes hardly change: at 0.38 it is half as large again


def layout(head: pa.Table) -> dict[str, Any]:
    """Options of ``pyarrow.parquet.ParquetWriter`` for a table that begins with the rows of ``head``."""
    measured = {name for name in head.column_names if _is_measured(head[name].slice(0, SAMPLE))}
    paths = _paths(head.schema)
    return {
        "use_byte_stream_split": sorted(measured),
        "use_dictionary": [path for path in paths if path not in measured],
        "compression": {path: "lz4" if path in measured else "zstd" for path in paths},
    }


def _is_measured(sample: pa.ChunkedArray) -> bool:
    """Whether a column holds numbers or times of which hardly any repeats: their bytes are split, for no dictionary helps."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_primitive(sample.type) or pa.types.is_boolean(sample.type):
        return False
    repeating = REPEATING_FLOATS if pa.types.is_floating(sample.type) else REPEATING_INTEGERS
    distinct: int = pc.count_distinct(sample).as_py()
    return distinct > repeating * len(sample)


def _paths(schema: pa.Schema) -> list[str]:
    """The names that columns have in a Parquet file: those of lists and structs are longer. Only writing one tells."""
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(schema.empty_table(), file)
    written = pq.read_metadata(file).schema
    return [written.column(n).path for n in range(len(written))]
