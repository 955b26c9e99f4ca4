"""The memo: what is remembered is used only while it is whole, and everybody finds the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ml_assets.errors import CorruptBlob, UnknownVersion, UnreadableContent
from ml_assets.store import Manifest, Store, Trace, VersionKey, digest, open_store

KEY, OTHER = digest(b"a computation"), digest(b"another")


def made(store: Store, value: object = "a model", computation: str = KEY, run: str = "r1") -> VersionKey:
    """A version that says it came of a computation."""
    code = {"computation": {"key": computation}}
    return store.commit(Manifest("ada/model", "2024-01", store.put(value), code=code, run=run))


def blobs(store: Store) -> list[Path]:
    return [Path(store.url) / key for key in store.backend.list("blobs")]


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def test_nothing_is_remembered_of_a_computation_that_was_never_done(store):
    assert store.recall(KEY) is None
    assert store.trace(KEY) is None


def test_what_one_branch_computed_another_finds(store):
    version = made(store)
    assert store.on("ada").remember(KEY, version) == version
    found = store.recall(KEY)
    assert (found.version, found.damage, found.skipped) == (version, "", "")
    assert found.manifest.key == version


def test_of_two_who_computed_the_same_at_once_the_first_is_remembered_and_the_second_told(store):
    first, second = made(store), made(store, run="r2")
    assert store.remember(KEY, first) == first
    assert store.remember(KEY, second) == first
    assert store.recall(KEY).version == first


def test_what_is_no_longer_wanted_is_replaced(store):
    first, second = made(store), made(store, run="r2")
    store.remember(KEY, first)
    assert store.remember(KEY, second, replace=True) == second
    assert store.recall(KEY).version == second


def test_that_nothing_could_be_made_is_remembered_with_its_reason(store):
    assert store.remember(KEY, "no outcome is known yet") is None
    found = store.recall(KEY)
    assert (found.skipped, found.version, found.damage) == ("no outcome is known yet", None, "")


def test_a_blob_that_is_gone_makes_it_unusable(local):
    local.remember(KEY, made(local))
    for blob in blobs(local):
        blob.unlink()
    assert local.recall(KEY).damage == "the bytes of its value.json are gone"


@pytest.mark.parametrize("damage", [b'"a modem"', b'"a mo', b""], ids=["flipped", "cut short", "empty"])
def test_a_blob_that_was_changed_makes_it_unusable(local, damage):
    local.remember(KEY, made(local))
    (blob,) = blobs(local)
    later = blob.stat().st_mtime + 60  # a file system's clock may not have moved on since
    blob.write_bytes(damage)
    os.utime(blob, (later, later))
    assert local.recall(KEY).damage == "the bytes of its value.json were changed"


def test_a_blob_that_was_written_again_with_the_same_bytes_is_whole(local):
    local.remember(KEY, made(local))
    (blob,) = blobs(local)
    data, later = blob.read_bytes(), blob.stat().st_mtime + 60
    blob.write_bytes(data)
    os.utime(blob, (later, later))
    assert local.recall(KEY).damage == ""


def test_a_blob_that_nobody_touched_is_not_read(local, monkeypatch):
    local.remember(KEY, made(local))
    read: list[str] = []
    get = type(local.backend).get
    monkeypatch.setattr(type(local.backend), "get", lambda self, key, most=None: read.append(key) or get(self, key))
    assert local.recall(KEY).damage == ""
    assert [key.partition("/")[0] for key in read] == ["computations", "versions"]


def test_a_manifest_that_is_gone_or_of_another_computation_makes_it_unusable(local):
    local.remember(KEY, made(local, computation=OTHER))
    assert local.recall(KEY).damage == "its manifest is that of another computation"
    for key in local.backend.list("versions"):
        local.backend.delete(key)
    assert local.recall(KEY).damage == "its manifest cannot be read (UnknownVersion)"


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b'{"version":{}}', b'{"digest":"0","skipped":"x"}'])
def test_an_entry_that_is_not_what_was_written_counts_as_none(local, garbage):
    local.remember(KEY, made(local))
    (Path(local.url) / "computations" / f"{KEY}.json").write_bytes(garbage)
    assert local.recall(KEY) is None


def test_what_replaces_an_entry_that_is_damaged_is_found(local):
    version = made(local)
    local.remember(KEY, version)
    (Path(local.url) / "computations" / f"{KEY}.json").write_bytes(b"{")
    local.remember(KEY, version)
    assert local.recall(KEY).version == version


def test_a_trace_comes_back_and_the_newest_counts(store):
    store.put_trace(KEY, {"a/b.parquet": Trace("d1", "s1"), "a/c.parquet": Trace(None)})
    store.put_trace(KEY, {"a/b.parquet": Trace("d2", "s2")})
    store.put_trace(KEY, {"a/b.parquet": Trace("d2", "s2")})
    assert store.trace(KEY) == {"a/b.parquet": Trace("d2", "s2")}


def test_code_comes_back_by_its_digest_and_damage_is_told(local):
    version = local.put_code({"x:f": "def f():\n    pass"})
    assert local.code(version) == {"x:f": "def f():\n    pass"}
    (Path(local.url) / "code" / f"{version}.json").write_bytes(b"{}")
    with pytest.raises(CorruptBlob, match="reads back as"):
        open_store(local.url).code(version)
    with pytest.raises(UnknownVersion, match="no code"):
        local.code(OTHER)


def test_a_damaged_document_is_written_again_by_who_has_it(local):
    puts = {
        "code": lambda store: store.put_code({"x:f": "f = 1"}),
        "sources": lambda store: store.put_source({"a.py": b"1"}),
        "environments": lambda store: store.put_environment({"numpy": "2"}),
    }
    for folder, put in puts.items():
        path = Path(local.url) / folder / f"{put(local)}.json"
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])

        assert put(open_store(local.url)) == path.stem
        assert path.read_bytes() == whole


def test_source_that_leads_out_of_its_folder_is_refused(local):
    with pytest.raises(UnreadableContent, match="lies outside"):
        local.source(local.put_source({"../a.py": b""}))


def test_source_files_come_back_and_are_stored_once(local):
    files = {"p/__init__.py": b"", "p/a.py": b"A = 1\n", "p/b.py": b"A = 1\n"}
    listed = local.put_source(files)
    count = len(local.backend.list(""))
    assert open_store(local.url).put_source(files) == listed
    assert local.source(listed) == files
    assert len(local.backend.list("")) == count
