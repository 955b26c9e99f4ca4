"""The power is cut at every point of a publish: what was acknowledged is there and whole, and publishing goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets.store import Manifest, Store, VersionKey, open_backend, open_store
from ml_assets_tests.doubles.power_cut import Cut, keys_of, recorded
from ml_assets_tests.doubles.power_cut import Disk as RecordedDisk

ASSET, MONTH = "flight_delays/model", "2013-06"
DISKS = ["synced", "named"]


def publish(store: Store, i: int) -> VersionKey:
    """All kinds of keys that a publish writes."""
    fields = {"run": "41aa", "environment": store.put_environment({"numpy": "2", "i": i})}
    source = store.put_source({"a.py": b"x" * i, "b.py": b"y"})
    content = store.put({"i": i})
    manifest = Manifest(ASSET, MONTH, content, code={"source": source}, **fields)  # type: ignore[arg-type]
    key = store.commit(manifest)
    store.put_trace("c" * 64, {})
    store.remember("c" * 64, key, replace=True)
    store.name(manifest, why=str(i))
    return key


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedDisk]:
    with recorded(tmp_path_factory.mktemp("power") / "disk") as disk:
        store = open_store(str(disk.root / "new" / "store"))
        for i in (1, 2):
            disk.done.append(publish(store, i))
        disk.cut("everything")
    return disk


def after(cut: Cut, kind: str) -> Store:
    """The store as it is found when the power is back; in memory, which is quicker."""
    backend = open_backend("memory://")
    for key, data in keys_of(getattr(cut, kind)).items():
        backend.put_new(key.removeprefix("new/store/"), data)
    return Store(backend)


@pytest.mark.parametrize("kind", DISKS)
def test_what_was_acknowledged_is_there_after_a_cut_anywhere(disk: RecordedDisk, kind: str) -> None:
    for cut in disk.cuts:
        store = after(cut, kind)
        log = [entry.target for entry in store.log(ASSET, MONTH)]
        assert log[: len(cut.done)] == list(cut.done), cut.after
    assert len(disk.cuts) > 60
    assert len(cut.done) == 2


@pytest.mark.parametrize("kind", DISKS)
def test_what_is_named_is_whole_after_a_cut_anywhere(disk: RecordedDisk, kind: str) -> None:
    for cut in disk.cuts:
        store = after(cut, kind)
        for key in store.versions(ASSET):
            assert store.verify(key) == [], cut.after
            store.source(store.manifest(key).code["source"])
        made = store.made_by_run("41aa", ASSET, MONTH)
        assert {made, *(entry.target for entry in store.log(ASSET, MONTH))} <= {None, *store.versions(ASSET)}
        recalled = store.recall("c" * 64)
        assert recalled is None or recalled.version in store.versions(ASSET)


@pytest.mark.parametrize("kind", DISKS)
def test_publishing_goes_on_after_a_cut_anywhere(disk: RecordedDisk, kind: str) -> None:
    for cut in disk.cuts[:: 1 if kind == "named" else 3]:
        store = after(cut, kind)
        key = publish(store, 3)
        assert store.head(ASSET, MONTH).target == key, cut.after  # type: ignore[union-attr]
        assert store.verify(key) == []


def test_a_key_that_is_taken_is_on_the_disk_before_anybody_relies_on_it(tmp_path: Path) -> None:
    with recorded(tmp_path / "disk") as disk:
        backend = open_backend(str(disk.root))
        (disk.root / "a").mkdir()
        (disk.root / "a" / "k").write_bytes(b"x")  # by another, who has not synced the folder yet
        assert not backend.put_new("a/k", b"x")
    assert disk.cuts[-1].synced == {"a": {"k": b""}}


def test_a_file_that_was_replaced_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    with recorded(tmp_path / "disk") as disk:
        backend = open_backend(str(disk.root))
        backend.replace("f/a", b"old")
        start = len(disk.cuts)
        backend.replace("f/a", b"new")
    left = [tree["f"].get("a") for cut in disk.cuts[start:] for tree in (cut.synced, cut.named)]
    assert set(left) == {b"old", b"new"}
    assert disk.cuts[-1].synced["f"] == {"a": b"new"}


def test_a_large_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x" * 1000)
    with recorded(tmp_path / "disk") as disk:
        open_backend(str(disk.root)).put_file("blobs/a", tmp_path / "source")
    left = [tree.get("blobs", {}).get("a") for cut in disk.cuts for tree in (cut.synced, cut.named)]
    assert set(left) == {None, b"x" * 1000}
    assert disk.cuts[-1].synced["blobs"] == {"a": b"x" * 1000}
