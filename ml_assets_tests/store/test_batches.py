"""A table some rows at a time is the same table: same rows, same types, verified before the first one is seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import CorruptBlob, MissingBlob, UnreadableContent, UnsupportedType
from ml_assets.store import Content, Store, open_backend, open_store, trust
from ml_assets.store.blobs import Blobs
from ml_assets.store.keys import blob_key
from ml_assets_tests.doubles.backends import Counted
from ml_assets_tests.store.codecs.test_values import FIVE
from ml_assets_tests.store.test_store import flip

ROWS = 70_000  # more than a row group


@trust
@dataclass(frozen=True)
class Pair:
    left: pd.DataFrame
    right: pd.DataFrame
    rate: np.ndarray
    name: str = "pair"


def table(rows: int = ROWS) -> pd.DataFrame:
    at = pd.date_range("2020", periods=rows, freq="min", tz="UTC", unit="us")
    kind = pd.Categorical(np.where(np.arange(rows) % 3, "b", "a"), categories=["b", "a", "never"])
    return pd.DataFrame({"id": [f"row {n}" for n in range(rows)], "at": at, "kind": kind, "x": np.arange(rows) / 7})


def cut(frame: pd.DataFrame, rows: int) -> Iterator[pd.DataFrame]:
    return (frame.iloc[n : n + rows] for n in range(0, len(frame), rows))


def test_batches_are_stored_as_one_table_and_read_in_batches_of_any_size(url: str) -> None:
    store, frame = open_store(url), table()
    content = store.put_batches(cut(frame, 9_999))
    pd.testing.assert_frame_equal(store.get(content), frame)
    batches = list(open_store(url).batches(content, rows=32_000))
    assert [len(batch) for batch in batches] == [32_000, 32_000, 6_000]
    pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), frame)


def test_the_bytes_depend_on_the_rows_and_not_on_how_they_were_cut(store: Store) -> None:
    frame = table()
    contents = [store.put_batches(cut(frame, rows)) for rows in (ROWS, 65_536, 10_001)]
    assert contents[0] == contents[1] == contents[2]


@pytest.mark.parametrize("column", FIVE)
def test_a_column_has_the_type_of_the_whole_in_every_batch(store: Store, column: str) -> None:
    frame = pd.DataFrame({"x": FIVE[column]})
    for content in (store.put(frame), store.put_batches(cut(frame, 2))):
        batches = list(store.batches(content, rows=2))
        assert [len(batch) for batch in batches] == [2, 2, 1]
        for n, batch in enumerate(batches):
            expected = frame.iloc[2 * n : 2 * n + 2].reset_index(drop=True)
            pd.testing.assert_frame_equal(batch, expected, check_exact=True)


def test_truths_of_which_some_are_none_are_objects_in_every_batch(store: Store) -> None:
    frame = pd.DataFrame({"x": pd.Series([True, False, None], dtype=object)})
    batches = list(store.batches(store.put(frame), rows=2))
    assert [str(batch["x"].dtype) for batch in batches] == ["object", "object"]


def test_a_table_without_rows_is_one_batch_with_its_types(store: Store) -> None:
    frame = table(0)
    content = store.put_batches([frame])
    pd.testing.assert_frame_equal(store.get(content), frame)
    for stored in (content, store.put(frame)):
        (batch,) = store.batches(stored)
        pd.testing.assert_frame_equal(batch, frame)


def test_a_field_of_a_stored_dataclass_is_read_without_the_others(store: Store) -> None:
    pair = Pair(table(5), table(3).drop(columns="id"), np.zeros(2))
    content = store.put(pair)
    store.backend.delete(blob_key(content.files[0].digest))  # left
    pd.testing.assert_frame_equal(next(store.batches(content, field="right")), pair.right)
    with pytest.raises(
        MissingBlob, match=r"is gone, although a manifest names it as 'table\.parquet'.*materialize m again"
    ):
        next(store.batches(content, field="left", of="m"))


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("middle", r"no field 'middle'\. It has left, right, rate, name\. Ask for one of these"),
        ("name", r"no table and no array but what the codec 'json' writes\. .*load it whole"),
        ("", r"m holds no table and no array but what the codec 'record' writes"),
    ],
)
def test_only_tables_and_arrays_are_read_in_batches(store: Store, field: str, message: str) -> None:
    content = store.put(Pair(table(1), table(1), np.zeros(2)))
    with pytest.raises(UnreadableContent, match=message):
        next(store.batches(content, field=field, of="m"))


@pytest.mark.parametrize("shape", [(7,), (5, 2), (0,), (0, 3)], ids=str)
def test_an_array_is_read_in_batches(store: Store, shape: tuple[int, ...]) -> None:
    rate = np.arange(float(np.prod(shape))).reshape(shape)
    batches = list(store.batches(store.put(rate), rows=3))
    assert [len(batch) for batch in batches] == ([3] * (shape[0] // 3) + [shape[0] % 3] if shape[0] else [0])
    np.testing.assert_array_equal(np.concatenate(batches), rate)
    assert all(batch.shape[1:] == shape[1:] and batch.flags.writeable for batch in batches)


def test_an_array_that_is_shorter_than_it_says_is_not_read(store: Store) -> None:
    content = store.put(np.arange(5.0))
    (file,) = content.files
    cut_short = store._blobs(writing=True).write(file.path, store.read(file)[:-8])
    with pytest.raises(UnreadableContent, match=r"the header says \(5,\) of float64, 32 bytes follow"):
        next(store.batches(dataclasses.replace(content, files=(cut_short,))))


def test_columns_are_read_alone_in_the_order_asked_for(store: Store) -> None:
    frame = table(5).assign(**{"x.y": 1, "o": pd.Series([True, None] * 2 + [True], dtype=object)})
    opened = store.opened(store.put(frame))
    for columns in (["x", "kind"], ["x"], ["o", "at", "id"]):
        batches = list(opened.batches(rows=2, columns=columns))
        found = pd.concat(batches, ignore_index=True)
        pd.testing.assert_frame_equal(found[columns], frame[columns], check_column_type=False)
        assert all(list(batch) == columns for batch in batches)


def test_what_is_opened_tells_its_types_and_how_many_rows_it_has(store: Store) -> None:
    frame = table(5).assign(
        n=pd.array([1, None] * 2 + [3], "Int64"), o=pd.Series([True, None] * 2 + [True], dtype=object)
    )
    opened = store.opened(store.put(Pair(frame, frame[["n"]], np.zeros(5))))
    pd.testing.assert_frame_equal(opened.types("left"), frame.head(0))
    assert (opened.count("left"), list(opened.types("right"))) == (5, ["n"])


def test_what_is_opened_is_verified_once_and_its_copies_go_with_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    content = store.put(Pair(table(5), table(3), np.zeros(2)))
    opened = store.opened(content)
    assert not list(temporary.iterdir()), "nothing was asked for"
    first = list(opened.batches("left", rows=2))
    for file in content.files:
        store.backend.delete(blob_key(file.digest))
    for again, batch in zip(opened.batches("left", rows=2), first, strict=True):
        pd.testing.assert_frame_equal(again, batch)
    (folder,) = temporary.iterdir()
    assert [file.name for file in folder.iterdir()] == ["left.table.parquet"]
    del opened
    assert not list(temporary.iterdir())


def test_no_row_is_handed_out_of_a_table_with_one_changed_byte(url: str) -> None:
    store = open_store(url)
    content = store.put_batches([table(1_000)])
    flip(store, blob_key(content.files[0].digest))
    with pytest.raises(CorruptBlob, match=r"reads back as .*It was changed or truncated after it was written"):
        next(store.batches(content, rows=1))


def test_a_damaged_blob_is_repaired_when_its_batches_are_stored_again(url: str) -> None:
    store = open_store(url)
    content = store.put_batches([table(1_000)])
    flip(store, blob_key(content.files[0].digest))
    assert store.put_batches([table(1_000)]) == content
    assert len(store.get(content)) == 1_000


def test_batches_that_the_store_has_are_not_written_again(tmp_path: Path) -> None:
    counted = Counted(open_backend(str(tmp_path)), at=lambda n, key: None)
    store = Store(counted)
    store.put_batches([table(9)])
    before = list(counted.written)
    assert any(key.startswith("blobs/") for key in before)
    store.put_batches(cut(table(9), 4))
    assert counted.written == before


def test_bytes_that_are_no_table_are_refused(store: Store) -> None:
    fake = Content("table", {}, (Blobs(store.backend).write("table.parquet", b"PAR1 and nothing more"),))
    with pytest.raises(UnreadableContent, match="not what the codec 'table' writes"):
        next(store.batches(fake))


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "A table of no batches has no columns"),
        (
            [table(2), table(2).assign(x=1)],
            r"A batch has the columns .*x int64; the first had .*x float64\. Give all the same",
        ),
        ([table(2), table(2).drop(columns="x")], "Give all the same"),
        ([table(2).astype({"id": object})], "'id' is object and would come back as str"),
        ([table(2).assign(x=1j)], "column without a Parquet type"),
    ],
    ids=["none", "another type", "another column", "object", "complex"],
)
def test_batches_that_would_not_come_back_are_refused_and_nothing_is_stored(
    store: Store, frames: list[pd.DataFrame], message: str
) -> None:
    with pytest.raises(UnsupportedType, match=message):
        store.put_batches(frames)
    assert store.backend.list("blobs") == []


def test_what_the_maker_of_batches_raises_is_not_disguised(store: Store) -> None:
    def broken() -> Iterator[pd.DataFrame]:
        yield table(2)
        raise ValueError("the model is confused")

    with pytest.raises(ValueError, match="the model is confused"):
        store.put_batches(broken())
    assert store.backend.list("blobs") == []


def test_a_large_file_is_seen_whole_or_not_at_all(url: str, tmp_path: Path) -> None:
    """It goes up in several parts."""
    backend, data = open_backend(url), b"0123456789abcdef" * (20 << 16)
    (tmp_path / "large").write_bytes(data)
    with ThreadPoolExecutor(1) as pool:
        upload = pool.submit(backend.put_file, "blobs/large", tmp_path / "large")
        seen = [backend.get("blobs/large")]
        while not upload.done():
            seen.append(backend.get("blobs/large"))
    upload.result()
    assert all(found in (None, data) for found in seen)
    assert b"".join(backend.stream("blobs/large") or ()) == data


def test_a_stream_of_an_absent_key_is_none(url: str) -> None:
    assert open_backend(url).stream("blobs/nothing") is None
