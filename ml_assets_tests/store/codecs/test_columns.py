"""How columns of a table are written: small where values repeat, fast where they do not, the same for the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_assets.store import Content, Store
from ml_assets.store.blobs import Blobs
from ml_assets.store.codecs.table import to_parquet
from ml_assets_tests.store.test_batches import cut, table

ROWS = 5_000
SPLIT = ("BYTE_STREAM_SPLIT", "LZ4")
DICTIONARY = ("RLE_DICTIONARY", "ZSTD")
RNG = np.random.default_rng(0)
MEASURED = RNG.normal(size=ROWS)
MEANS = np.repeat(RNG.normal(size=ROWS // 4), 4)
COLUMNS: dict[str, tuple[Any, tuple[str, str]]] = {
    "measured": (MEASURED, SPLIT),
    "measured, single": (MEASURED.astype("f4"), SPLIT),
    "a.name.with.dots": (MEASURED, SPLIT),
    "instants": (pd.date_range("2020", periods=ROWS, freq="s", tz="UTC"), SPLIT),
    "ids": (np.arange(ROWS), SPLIT),
    "nullable ids": (pd.array(np.arange(ROWS), dtype="Int64"), SPLIT),
    "means": (MEANS, DICTIONARY),
    "mostly missing": (np.where(np.arange(ROWS) % 3, np.nan, MEASURED), DICTIONARY),
    "counts": (RNG.integers(0, 300, ROWS), DICTIONARY),
    "words": (pd.Series(["on time", "late"] * (ROWS // 2), dtype="str"), DICTIONARY),
    "kinds": (pd.Categorical(["a", "b"] * (ROWS // 2)), DICTIONARY),
    "lists": ([[n % 7, 1] for n in range(ROWS)], DICTIONARY),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_that_repeats_is_a_dictionary_and_another_one_has_its_bytes_split(name: str) -> None:
    values, (encoding, compression) = COLUMNS[name]
    written = pq.read_metadata(pa.BufferReader(to_parquet(pd.DataFrame({name: values})))).row_group(0).column(0)
    assert encoding in written.encodings
    assert written.compression == compression


def test_all_columns_come_back_together(store: Store) -> None:
    frame = pd.DataFrame({name: values for name, (values, _) in COLUMNS.items() if name != "lists"})
    pd.testing.assert_frame_equal(store.get(store.put(frame)), frame, check_exact=True)


def test_a_table_is_the_same_file_whole_or_in_batches(store: Store) -> None:
    frame = table()
    assert store.put(frame) == store.put_batches(cut(frame, 10_001))


def test_what_the_first_rows_say_holds_for_rows_that_differ(store: Store) -> None:
    frame = pd.DataFrame(
        {"x": np.concatenate([np.zeros(ROWS), MEASURED]), "y": np.concatenate([MEASURED, np.zeros(ROWS)])}
    )
    content = store.put(frame)
    pd.testing.assert_frame_equal(store.get(content), frame)
    assert store.put_batches(cut(frame, 999)) == content


@pytest.mark.parametrize("index", [None, False], ids=["range as metadata", "no index"])
def test_a_table_that_was_written_before_columns_differed_can_still_be_read(store: Store, index: bool | None) -> None:
    """One row group for all rows, every column as a dictionary, zstd, the default index as metadata."""
    frame, file = table(1_000), pa.BufferOutputStream()
    written = pa.Table.from_pandas(frame, preserve_index=index)
    categories = b'{"kind":{"categories":["b","a","never"],"dtype":"str","ordered":false}}'
    written = written.replace_schema_metadata({**written.schema.metadata, b"ml_assets.categories": categories})
    pq.write_table(written, file, compression="zstd")
    blob = Blobs(store.backend).write("table.parquet", file.getvalue().to_pybytes())
    content = Content("table", {}, (blob,))

    pd.testing.assert_frame_equal(store.get(content), frame)
    pd.testing.assert_frame_equal(pd.concat(store.batches(content, rows=300), ignore_index=True), frame)


def test_other_programs_can_read_a_table(tmp_path: Any) -> None:
    import duckdb

    names = ["measured", "a.name.with.dots", "ids", "counts", "means", "words"]
    frame = pd.DataFrame({name: COLUMNS[name][0] for name in names})
    (tmp_path / "table.parquet").write_bytes(to_parquet(frame))
    with duckdb.connect() as connection:
        read = connection.sql(f"select * from '{tmp_path}/table.parquet'").df()
    pd.testing.assert_frame_equal(read, frame, check_dtype=False)
