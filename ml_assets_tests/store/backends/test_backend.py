"""The contract of the four primitives, on every place."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from ml_assets.errors import InvalidKey, StoreUnreachable, UsageError
from ml_assets.store import open_backend
from ml_assets.store.backends.backend import PIECE, create
from ml_assets.store.backends.object_store import ObjectStoreBackend
from ml_assets.store.backends.patience import Patience
from ml_assets_tests.doubles.backends import LosesReplies, Wrapped


def test_a_key_is_created_once_and_never_replaced(url: str) -> None:
    backend = open_backend(url)
    assert backend.put_new("a/b=2E/_/1.json", b"first")
    assert not backend.put_new("a/b=2E/_/1.json", b"second")
    assert backend.get("a/b=2E/_/1.json") == b"first"


def test_an_absent_key_is_none_and_may_be_deleted(url: str) -> None:
    backend = open_backend(url)
    assert backend.get("a/b") is None
    backend.put_new("a/b", b"")
    assert backend.get("a/b") == b""
    backend.delete("a/b")
    backend.delete("a/b")
    assert backend.get("a/b") is None


def test_a_renamed_key_has_its_bytes_under_the_other_name_alone(url: str) -> None:
    backend = open_backend(url)
    backend.put_new("blobs/ab/abc", b"bytes")
    backend.put_new("trash/1/abc", b"older")
    assert backend.rename("blobs/ab/abc", "trash/1/abc")
    assert not backend.rename("blobs/ab/abc", "trash/1/abc")
    assert (backend.get("blobs/ab/abc"), backend.get("trash/1/abc")) == (None, b"bytes")


def test_list_gives_the_keys_of_a_folder_at_any_depth_sorted(url: str) -> None:
    backend = open_backend(url)
    for key in ("a/2", "a/10", "a/b/c/1", "ab/1", "b/1"):
        backend.put_new(key, b"x")
    assert backend.list("a") == ["a/10", "a/2", "a/b/c/1"]
    assert backend.list("a", after="a/2") == ["a/b/c/1"]
    assert backend.list("nothing") == []


def test_of_many_that_create_one_key_at_once_one_does(url: str) -> None:
    backend = open_backend(url)
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda i: backend.put_new("race", b"%d" % i), range(8)))
    assert created.count(True) == 1
    assert backend.get("race") == b"%d" % created.index(True)


def test_reopening_an_address_finds_what_was_written(url: str) -> None:
    open_backend(url).put_new("a", b"x")
    assert open_backend(url).get("a") == b"x"


def test_replace_leaves_the_new_bytes_and_changes_the_stamp(url: str) -> None:
    backend = open_backend(url)
    backend.replace("f/x y.parquet", b"1")
    before = backend.entries("f")
    backend.replace("f/x y.parquet", b"22")
    assert backend.get("f/x y.parquet") == b"22"
    assert backend.entries("f").keys() == before.keys() == {"f/x y.parquet"}
    assert backend.entries("f") != before


def test_a_listing_and_a_look_at_one_key_see_the_same_stamp(url: str) -> None:
    backend = open_backend(url)
    backend.put_new("f/a", b"1")
    backend.put_file("f/b", b"22")
    looked = {key: backend.entry(key) for key in ("f/a", "f/b")}
    assert {key: entry.stamp for key, entry in backend.entries("f").items()} == {
        key: entry.stamp for key, entry in looked.items() if entry
    }


def test_where_a_copy_is_finished_later_the_bytes_go_through_here(monkeypatch: pytest.MonkeyPatch) -> None:
    place = MemoryStore()
    backend = ObjectStoreBackend("az://c", lambda minutes, retries: place, Patience(), copies_later=True)
    monkeypatch.setattr("obstore.copy", lambda *_: pytest.fail("the server was asked to copy"))
    backend.put_new("a", b"bytes")
    assert backend.rename("a", "b")
    assert not backend.rename("a", "b")
    assert (backend.get("a"), backend.get("b")) == (None, b"bytes")


def test_a_large_file_goes_in_parts_and_is_read_in_any_part(url: str, tmp_path: Path) -> None:
    backend, data = open_backend(url), bytes(range(256)) * (PIECE // 256) + b"the rest"
    (tmp_path / "large").write_bytes(data)
    backend.put_file("large", tmp_path / "large")
    assert backend.part("large", PIECE - 2, PIECE + 3) == data[PIECE - 2 : PIECE + 3]
    assert backend.rename("large", "elsewhere")
    assert b"".join(backend.stream("elsewhere") or ()) == data
    assert backend.stream("large") is None


def test_reading_a_local_address_creates_nothing(tmp_path: Path) -> None:
    backend = open_backend(str(tmp_path / "nowhere"))
    assert backend.get("a") is None
    assert backend.list("") == []
    assert list(tmp_path.iterdir()) == []


def test_unnamed_memory_is_private() -> None:
    open_backend("memory://").put_new("a", b"x")
    assert open_backend("memory://").get("a") is None


def test_create_recognises_its_own_write_when_the_reply_was_lost() -> None:
    backend = LosesReplies(open_backend("memory://"))
    assert create(backend, "k", b"ours") is None
    assert create(backend, "k", b"theirs") == b"ours"


def test_create_tries_again_when_the_key_that_was_taken_is_gone() -> None:
    class ConflictsOnce(Wrapped):
        conflicts = 1

        def put_new(self, key: str, data: bytes) -> bool:
            self.conflicts -= 1
            return self.conflicts < 0 and super().put_new(key, data)

    assert create(ConflictsOnce(open_backend("memory://")), "k", b"x") is None


def test_a_file_address_may_hold_escapes(tmp_path: Path) -> None:
    open_backend(f"file://{tmp_path}/a%20b").put_new("k", b"x")
    assert (tmp_path / "a b" / "k").read_bytes() == b"x"


def test_an_address_of_no_known_kind_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'ftp://x' has no meaning for a store\. Use a local path"):
        open_backend("ftp://x")


def test_a_bucket_that_does_not_exist_is_unreachable_not_empty(
    moto: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in moto.items():
        monkeypatch.setenv(name, value)
    backend = open_backend("s3://no-such-bucket/p")
    with pytest.raises(
        StoreUnreachable, match=r"the bucket does not exist \(404 NoSuchBucket\)\. Make it, or mend the address"
    ):
        backend.get("k")
    with pytest.raises(
        StoreUnreachable, match=r"the bucket does not exist \(404 NoSuchBucket\)\. Make it, or mend the address"
    ):
        backend.put_new("k", b"x")


def test_a_key_that_no_path_can_express_is_invalid(tmp_path: Path) -> None:
    with pytest.raises(InvalidKey, match="no key that can be stored"):
        open_backend(str(tmp_path)).put_new("a/../b", b"x")


def test_a_file_that_a_killed_writer_left_unfinished_is_not_seen_and_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "abc#1").write_bytes(b"half of i")
    backend = open_backend(str(tmp_path))
    assert backend.list("blobs") == []
    assert backend.get("blobs/abc") is None
    assert backend.put_new("blobs/abc", b"half of it is not enough")
    assert backend.list("blobs") == ["blobs/abc"]
