"""What never changes is fetched once by a process, and not at all by the next one on the same machine."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml_assets.errors import CorruptBlob, MissingBlob, StoreUnreachable, UnknownVersion
from ml_assets.store import NO_COPIES, Copies, CopyFolder, Manifest, Store, Verification, VersionKey, copies_of
from ml_assets.store.keys import blob_key, version_key
from ml_assets_tests.doubles.bucket import Bucket

ROOM = 1 << 20


def opened(bucket: Bucket, folder: Path | None = None, room: int = ROOM) -> Store:
    """As a new process opens it."""
    return Store(bucket, copies=Copies(bucket.url, CopyFolder(folder, room) if folder else None))


def made(bucket: Bucket) -> VersionKey:
    """A version, as somebody on another machine makes it."""
    store = Store(bucket)
    packages = store.put_environment({"numpy": "2"})
    manifest = Manifest("toy/model", "1", store.put({"a": 1}), environment=packages)
    return store.publish(manifest, why="a test")[0]


def read_all(store: Store, key: VersionKey) -> object:
    manifest = store.manifest(key)
    store.environment(str(manifest.environment))
    return store.load(key)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def fetched(bucket: Bucket) -> list[str]:
    return [asked for asked in bucket.asked if asked.startswith("get") and asked != "get store.json"]


def test_a_process_fetches_each_object_once_and_the_next_one_none(bucket, tmp_path):
    key = made(bucket)
    for most in (3, 0):
        bucket.asked.clear()
        store = opened(bucket, tmp_path)
        assert [read_all(store, key) for _ in range(3)] == [{"a": 1}] * 3
        assert len(fetched(bucket)) == len(set(fetched(bucket))) == most


def test_what_a_process_writes_neither_it_nor_the_next_one_fetches(bucket, tmp_path):
    store = opened(bucket, tmp_path)
    manifest = Manifest("toy/model", "1", store.put({"a": 1}), environment=store.put_environment({"numpy": "2"}))
    key = store.publish(manifest, why="a test")[0]
    bucket.asked.clear()
    for reading in (store, opened(bucket, tmp_path)):
        assert read_all(reading, key) == {"a": 1}
        assert reading.head("toy/model", "1").target == key
    assert fetched(bucket) == []


def test_threads_that_ask_for_the_same_at_once_make_one_request():
    asked, all_there = [], threading.Barrier(4)
    copies = Copies("s3://bucket/store")

    def read() -> bytes:
        asked.append(1)
        all_asking.wait(10)
        return b"x"

    all_asking = threading.Event()

    def ask() -> bytes | None:
        all_there.wait(10)
        return copies.get("blobs/x", read, lambda data: True).data

    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(ask) for _ in range(4)]
        all_asking.set()
        assert [answer.result(10) for answer in answers] == [b"x"] * 4
    assert len(asked) == 1


def test_an_error_is_everybodys_and_the_next_one_asks_again():
    copies, answers = Copies("s3://bucket/store"), iter([StoreUnreachable("Not now."), b"x"])

    def read() -> bytes:
        answer = next(answers)
        if isinstance(answer, StoreUnreachable):
            raise answer
        return answer

    with pytest.raises(StoreUnreachable, match="Not now"):
        copies.get("a", read, lambda data: True)
    assert copies.get("a", read, lambda data: True).data == b"x"


def test_a_damaged_copy_is_deleted_and_fetched_anew(bucket, tmp_path, caplog):
    key = made(bucket)
    read_all(opened(bucket, tmp_path), key)
    for copy in filter(Path.is_file, tmp_path.rglob("*")):
        copy.write_bytes(copy.read_bytes()[:-1])
    bucket.asked.clear()
    with caplog.at_level(logging.WARNING):
        assert read_all(opened(bucket, tmp_path), key) == {"a": 1}
    assert len(fetched(bucket)) == 3
    assert caplog.text.count("was damaged: it is deleted") == 3
    bucket.asked.clear()
    assert read_all(opened(bucket, tmp_path), key) == {"a": 1}
    assert fetched(bucket) == []


@pytest.mark.parametrize("of", [blob_key, version_key], ids=["blob", "manifest"])
def test_what_is_damaged_in_the_store_is_never_kept(bucket, tmp_path, of):
    key = made(bucket)
    (file,) = Store(bucket).manifest(key).content.files
    at = of(file.digest if of is blob_key else key)
    whole = bucket.objects[at]
    bucket.replace(at, whole[0][:-1] + b" ")
    for _ in range(2):
        with pytest.raises(CorruptBlob, match="reads back as"):
            opened(bucket, tmp_path).load(key)
    bucket.objects[at] = whole
    assert opened(bucket, tmp_path).load(key) == {"a": 1}


def test_verify_reads_the_store_and_no_copy(bucket, tmp_path):
    key, store = made(bucket), opened(bucket, tmp_path)
    read_all(store, key)
    (file,) = store.manifest(key).content.files
    bucket.replace(blob_key(file.digest), b"other")
    assert store.load(key) == {"a": 1}
    assert [type(error) for error in store.verify(key)] == [CorruptBlob]
    (fault,) = [one.fault for one in Verification(store).versions([key]) if one.fault]
    assert isinstance(fault.error, CorruptBlob)
    bucket.delete(version_key(key))
    assert [type(error) for error in store.verify(key)] == [UnknownVersion]


def test_copies_of_one_store_are_none_of_another(bucket, tmp_path):
    key = made(bucket)
    read_all(opened(bucket, tmp_path), key)
    empty = Bucket("s3://bucket/other")
    with pytest.raises(UnknownVersion):
        opened(empty, tmp_path).manifest(key)
    with pytest.raises(MissingBlob):
        opened(empty, tmp_path).get(Store(bucket).manifest(key).content)


def test_a_log_that_was_removed_and_begun_anew_is_read_anew(bucket, tmp_path):
    store = opened(bucket, tmp_path)
    for value in (1, 2, 3):
        store.publish(Manifest("toy/model", "1", store.put(value)), why="before")
    assert [entry.why for entry in store.log("toy/model", "1")] == ["before"] * 3
    for key in bucket.list("refs"):
        bucket.delete(key)
    store.publish(Manifest("toy/model", "1", store.put(4)), why="after")
    for reading in (store, opened(bucket, tmp_path)):
        assert [entry.why for entry in reading.log("toy/model", "1")] == ["after"]
        assert reading.head("toy/model", "1").why == "after"


def test_a_process_that_runs_for_long_sees_what_others_publish(bucket, tmp_path):
    store, other = opened(bucket, tmp_path), Store(bucket, user="bob")
    for value in (1, 2, 3):
        key = other.publish(Manifest("toy/model", "1", other.put(value), run="r"), why="a test")[0]
        assert store.head("toy/model", "1").target == key == store.made_by_run("r", "toy/model", "1")
        assert store.heads("toy/model", ["0", "1"])["1"].target == key
        assert len(store.log("toy/model", "1")) == value


def test_a_document_that_was_damaged_is_replaced_by_who_stores_it_again(bucket, tmp_path):
    first = opened(bucket, tmp_path).put_code({"a:f": "def f(): pass"})
    whole = bucket.objects[f"code/{first}.json"]
    bucket.asked.clear()
    opened(bucket, tmp_path).put_code({"a:f": "def f(): pass"})
    assert bucket.requests == {"get": 1, "head": 1}  # store.json; the server says that it has these very bytes
    for damaged in (whole[0][:-1] + b" ", None):
        bucket.delete(f"code/{first}.json") if damaged is None else bucket.replace(f"code/{first}.json", damaged)
        opened(bucket, tmp_path).put_code({"a:f": "def f(): pass"})
        assert bucket.objects[f"code/{first}.json"][0] == whole[0]


def test_a_table_that_is_read_in_batches_is_fetched_once(bucket, tmp_path):
    import pandas as pd

    content = Store(bucket).put(pd.DataFrame({"x": range(100)}))
    for most in (1, 0):
        bucket.asked.clear()
        read = list(opened(bucket, tmp_path).batches(content, rows=60))
        assert [len(frame) for frame in read] == [60, 40]
        assert len(fetched(bucket)) == most
    for copy in filter(Path.is_file, tmp_path.rglob("*")):
        copy.write_bytes(b"damaged")
    assert pd.concat(opened(bucket, tmp_path).batches(content))["x"].tolist() == list(range(100))


def test_memory_is_bounded_and_keeps_what_was_asked_for_last():
    copies, asked = Copies("s3://bucket/store", memory=100), []

    def get(name: str, size: int = 20) -> None:
        copies.get(name, lambda: asked.append(name) or b"." * size, lambda data: True)

    for name in ("a", "b", "c", "d", "e", "a", "f", "a", "b"):
        get(name)
    get("large", 30)
    get("large", 30)
    assert asked == ["a", "b", "c", "d", "e", "f", "b", "large", "large"]


@pytest.mark.parametrize(
    ("url", "keeps"), [("/a/folder", False), ("memory://", False), ("s3://bucket/store/", True), ("gs://b", True)]
)
def test_copies_are_kept_of_stores_that_are_far(url: str, keeps: bool, tmp_path: Path) -> None:
    assert (copies_of(url, tmp_path, 1.0) is not NO_COPIES) == keeps
