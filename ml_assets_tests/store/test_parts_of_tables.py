"""Some columns and rows of a stored table are what the whole has there; few bytes are read for them, and each is verified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import CorruptBlob, MissingBlob, UnreadableContent, UsageError
from ml_assets.store import Content, Copies, Handle, Manifest, Store, as_listed_in, open_backend, open_store, trust
from ml_assets.store.blobs import Blobs
from ml_assets.store.codecs.table import to_parquet
from ml_assets.store.keys import blob_key
from ml_assets.store.pieces import Piece, from_json, to_json
from ml_assets_tests.doubles.backends import Wrapped
from ml_assets_tests.store.codecs.test_values import FIVE

ROWS = 150_000  # three row groups, 10 MB


@trust
@dataclass(frozen=True)
class Sheet:
    keys: pd.DataFrame
    features: pd.DataFrame


@dataclass
class Measured(Wrapped):
    """Counts the bytes that are read of blobs, by request."""

    read: list[int] = field(default_factory=list)

    def get(self, key: str, most: int | None = None) -> bytes | None:
        return self._told(key, super().get(key, most))

    def part(self, key: str, start: int, stop: int) -> bytes | None:
        return self._told(key, super().part(key, start, stop))

    def _told(self, key: str, data: bytes | None) -> bytes | None:
        if key.startswith("blobs/"):
            self.read.append(len(data or b""))
        return data


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    numbers = {name: rng.random(ROWS) for name in "abcdefgh"}
    kind = pd.Categorical(np.where(np.arange(ROWS) % 3, "y", "x"), categories=["y", "x", "never"])
    return pd.DataFrame({**numbers, "kind": kind, "a.b": rng.integers(0, 9, ROWS)})


@pytest.fixture(scope="module")
def stored(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Content]:
    """The frame in a store that tests only read."""
    store = open_store(str(tmp_path_factory.mktemp("stored")))
    return store, store.put(frame)


def part_of(frame: pd.DataFrame, columns: Sequence[str] | None, rows: range | None) -> pd.DataFrame:
    chosen = frame if columns is None else frame[[*columns]]
    return chosen if rows is None else chosen.iloc[rows.start : rows.stop]


def change(store: Store, content: Content, edit: Callable[[bytearray], object], at: int = 0) -> None:
    """Change the bytes of a file of a content where they lie."""
    key = blob_key(content.files[at].digest)
    data = bytearray(store.backend.get(key) or b"")
    edit(data)
    store.backend.put_file(key, bytes(data))


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (["c"], None),
        (["kind", "a"], range(ROWS)),
        (["a.b"], range(65_530, 65_540)),
        (["h"], range(140_000, ROWS + 7)),
        (None, range(ROWS - 3, ROWS)),
        (["a"], range(5, 5)),
        (["a"], range(ROWS, ROWS + 1)),
    ],
)
def test_a_part_is_what_the_whole_has_there(
    stored: tuple[Store, Content], frame: pd.DataFrame, columns: Sequence[str] | None, rows: range | None
) -> None:
    store, content = stored
    found = store.get(content, columns=columns, rows=rows)
    pd.testing.assert_frame_equal(found, part_of(frame, columns, rows))


def test_a_part_of_lists_and_structs_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_assets.store.codecs.table_pieces.PIECE", 100)
    frame = pd.DataFrame({"x": range(3), "pair": [[1, 2], [], [3]], "y.z": range(3), "y": [{"z": 1, "w": [2]}] * 3})
    content = store.put(frame.set_index("x"))
    assert len(content.files) == 2
    for name in ("pair", "y.z", "y"):
        found, whole = (store.get(content, columns=columns, rows=range(1, 3)) for columns in ([name], None))
        assert str(found[name].tolist()) == str(whole[name].tolist())
        assert found.index.tolist() == [1, 2]


@pytest.mark.parametrize("column", FIVE)
def test_a_part_has_the_types_of_the_whole(store: Store, column: str) -> None:
    frame = pd.DataFrame({"x": FIVE[column], "y": range(5)})
    for rows in (range(2), range(1, 4), range(2, 3)):
        found = store.get(store.put(frame), columns=["x"], rows=rows)
        pd.testing.assert_frame_equal(found, frame[["x"]].iloc[rows.start : rows.stop], check_exact=True)


@pytest.mark.parametrize(
    "index",
    [pd.RangeIndex(5, 15, 2, name="n"), pd.Index(list("abcde"), name="k"), pd.MultiIndex.from_arrays([range(5), list("abcde")])],
    ids=["range", "named", "multi"],
)  # fmt: skip
def test_a_part_has_its_rows_of_the_index(store: Store, index: pd.Index) -> None:
    frame = pd.DataFrame({"x": range(5), "y": range(5)}, index=index)
    found = store.get(store.put(frame), columns=["y"], rows=range(1, 4))
    pd.testing.assert_frame_equal(found, frame[["y"]].iloc[1:4])


def test_only_the_bytes_of_these_columns_and_rows_are_read(url: str, frame: pd.DataFrame) -> None:
    content = open_store(url).put(frame)
    measured = Measured(open_backend(url))
    part = Store(measured).get(content, columns=["c"])
    pd.testing.assert_frame_equal(part, frame[["c"]])
    assert content.files[0].size > 8_500_000
    assert sum(measured.read) < 1_300_000, "a column of 1.1 MB, the list and the end"
    assert len(measured.read) == 5, "the list, the end, the column in three row groups"
    measured.read.clear()
    Store(measured).get(content, columns=["b", "c", "d"], rows=range(70_000, 70_005))
    assert len(measured.read) == 3, "what lies side by side is one request"


def test_what_is_opened_reads_only_what_it_is_asked_for(store: Store, frame: pd.DataFrame) -> None:
    content = store.put(Sheet(frame[["kind"]], frame))
    measured = Measured(store.backend)
    opened = Store(measured).opened(content)
    assert (opened.count("features"), [*opened.types("features")]) == (ROWS, [*frame])
    assert sum(measured.read) < 30_000
    batches = [*opened.batches("features", 50_000, ["kind"])]
    pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), frame[["kind"]])
    assert sum(measured.read) < 100_000
    before = len(measured.read)
    opened.part("features", ["kind"], range(7))
    assert len(measured.read) == before, "what is here is not fetched again"


def test_a_version_is_read_in_part_by_those_who_have_it(store: Store, frame: pd.DataFrame) -> None:
    key, _ = store.publish(Manifest("m", None, store.put(Sheet(frame[["a"]], frame)), by="ada"), why="new")
    expected = part_of(frame, ["c"], range(9))
    handle = Handle(store, key)
    pd.testing.assert_frame_equal(store.load(key, field="features", columns=["c"], rows=range(9)), expected)
    pd.testing.assert_frame_equal(handle.field("features", columns=["c"], rows=range(9)), expected)
    pd.testing.assert_frame_equal(store.load(key, field="keys"), frame[["a"]])
    key, _ = store.publish(Manifest("t", None, store.put(frame), by="ada"), why="new")
    pd.testing.assert_frame_equal(Handle(store, key).load(columns=["c"], rows=range(9)), expected)


def test_a_copy_of_a_part_is_not_fetched_again(stored: tuple[Store, Content], frame: pd.DataFrame) -> None:
    content, measured = stored[1], Measured(stored[0].backend)
    near = Store(measured, copies=Copies("far"))
    near.get(content, columns=["c"])
    before = len(measured.read)
    pd.testing.assert_frame_equal(near.get(content, columns=["c"]), frame[["c"]])
    assert len(measured.read) == before


def test_a_part_of_which_a_byte_changed_is_not_read_and_others_are(url: str, frame: pd.DataFrame) -> None:
    store = open_store(url)
    content = store.put(frame)
    change(store, content, lambda data: data.__setitem__(1000, data[1000] ^ 1))  # in column a, rows of the first group
    with pytest.raises(CorruptBlob, match=r"reads back as other bytes between 0 and .*changed or truncated"):
        store.get(content, columns=["a"])
    pd.testing.assert_frame_equal(store.get(content, columns=["b"]), frame[["b"]])
    pd.testing.assert_frame_equal(
        store.get(content, columns=["a"], rows=range(70_000, 70_009)), frame[["a"]][70_000:70_009]
    )
    with pytest.raises(CorruptBlob):
        store.get(content)


def test_no_part_of_a_truncated_table_is_read(url: str, frame: pd.DataFrame) -> None:
    store = open_store(url)
    content = store.put(frame)
    change(store, content, lambda data: data.__delitem__(slice(1_000_000, None)))
    with pytest.raises(CorruptBlob, match="changed or truncated"):
        store.get(content, columns=["a"])


def test_a_changed_list_of_pieces_is_not_believed(store: Store, frame: pd.DataFrame) -> None:
    content = store.put(frame)
    change(store, content, lambda data: data.__setitem__(10, data[10] ^ 1), at=1)
    with pytest.raises(CorruptBlob):
        store.get(content, columns=["a"])
    pd.testing.assert_frame_equal(store.get(content), frame)


@pytest.mark.parametrize("listed", [b"[[1]]", b"[]", b'[[5,"ab"]]', b'{"a":1}', b"no list"], ids=str)
def test_a_list_that_is_none_of_this_table_is_refused(stored: tuple[Store, Content], listed: bytes) -> None:
    store, content = stored
    forged = replace(content, files=(content.files[0], Blobs(store.backend).write(content.files[1].path, listed)))
    with pytest.raises(UnreadableContent, match="not what the codec 'table' writes"):
        store.get(forged, columns=["a"])


def test_a_table_that_is_gone_is_said_to_be(store: Store, frame: pd.DataFrame) -> None:
    content = store.put(frame)
    store.backend.delete(blob_key(content.files[0].digest))
    with pytest.raises(
        MissingBlob, match=r"is gone, although a manifest names it as 'table\.parquet'.*materialize m again"
    ):
        store.get(content, "m", columns=["a"])


def test_a_table_in_the_trash_is_read_in_part(store: Store, frame: pd.DataFrame) -> None:
    content = store.put(frame)
    file = content.files[0]
    store.backend.rename(blob_key(file.digest), f"trash/0000000001/{file.digest}")
    store.backend.put_new("collections/0000000001/plan.json", b"{}")
    pd.testing.assert_frame_equal(store.get(content, columns=["a"]), frame[["a"]])


def test_a_table_from_before_there_were_lists_is_read_whole_and_gives_its_part(
    store: Store, frame: pd.DataFrame
) -> None:
    content = store.put(frame)
    before = replace(content, files=content.files[:1])
    pd.testing.assert_frame_equal(store.get(before, columns=["a"], rows=range(3)), frame[["a"]][:3])
    assert as_listed_in(before, content) == before
    assert as_listed_in(content, content) == content
    change(store, content, lambda data: data.__setitem__(5_000_000, data[5_000_000] ^ 1))
    with pytest.raises(CorruptBlob):
        store.get(before, columns=["a"], rows=range(3))


def test_a_small_table_has_no_list(store: Store, frame: pd.DataFrame) -> None:
    assert [file.path for file in store.put(frame.head(9)).files] == ["table.parquet"]


def test_the_list_follows_from_the_rows(stored: tuple[Store, Content], frame: pd.DataFrame) -> None:
    store, whole = stored
    assert store.put_batches([frame[:99_000], frame[99_000:]]) == whole
    data = to_parquet(frame)
    pieces = from_json(store.read(whole.files[1]), len(data))
    assert (pieces[0].start, pieces[-1].stop) == (0, len(data))
    assert len(pieces) == 3 * frame.shape[1] + 1
    assert to_json(pieces) == store.read(whole.files[1])
    assert from_json(to_json([Piece(0, 5, "d")]), 5) == [Piece(0, 5, "d")]


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"columns": ["z"]}, UnreadableContent, r"m has no column 'z'\. It has a, b\. Ask for some of these"),
        (
            {"rows": range(0, 9, 2)},
            UsageError,
            r"are no rows that follow each other\. Count from 0: rows=range\(0, 1000\)",
        ),
        ({"rows": range(-2, 9)}, UsageError, r"are no rows that follow each other"),
    ],
)
def test_what_cannot_be_asked_for_is_said(store: Store, asked: dict, error: type[Exception], message: str) -> None:
    content = store.put(pd.DataFrame({"a": [1], "b": [2]}))
    with pytest.raises(error, match=message):
        store.get(content, "m", **asked)


def test_only_tables_have_columns(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnreadableContent, match=r"no table but what the codec 'array' writes\. .*load it whole"):
        store.get(store.put(np.zeros(3)), columns=["a"])
