"""The contract of a store, on every place it can live in."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ml_assets.errors import (
    AmbiguousVersion,
    CorruptBlob,
    InvalidKey,
    MissingBlob,
    RefMoved,
    Rejected,
    UnknownVersion,
    UnreadableContent,
    UnsafeStore,
    UsageError,
)
from ml_assets.store import Check, Input, LandedFile, Manifest, Store, VersionKey, open_backend, open_store
from ml_assets.store.keys import blob_key, version_key
from ml_assets_tests.doubles.backends import Counted, IgnoresCreateOnly, LosesReplies

ASSET, MONTH = "flight_delays/model", "2013-06"
FAILED = Check("late_rate", passed=False, blocking=True, description="")


def manifest(store: Store, value: object, **fields: object) -> Manifest:
    return Manifest(ASSET, MONTH, store.put(value), **fields)  # type: ignore[arg-type]


def publish(store: Store, value: object, **fields: object) -> VersionKey:
    key, _ = store.publish(manifest(store, value, **fields), why="a test")
    return key


def test_what_is_published_is_the_head_and_loads(url: str) -> None:
    key, entry = (store := open_store(url, user="ada")).publish(manifest(store, {"a": 1}, by="ada"), why="first")
    reader = open_store(url)
    assert reader.load(key) == {"a": 1}
    assert reader.head(ASSET, MONTH) == entry
    assert entry is not None
    assert (entry.n, entry.target, entry.by, entry.why) == (1, key, "ada", "first")
    assert reader.assets() == [ASSET]
    assert reader.partitions(ASSET) == [MONTH]
    assert reader.versions(ASSET) == reader.versions(ASSET, MONTH) == [key]
    assert reader.verify(key) == []


def test_a_manifest_comes_back_whole(url: str) -> None:
    store = open_store(url)
    key = VersionKey("a/b", None, "0" * 64)
    written = manifest(
        store,
        [1],
        inputs=(Input("features", key, "1" * 64),),
        landed=(LandedFile("f/x.parquet", "2" * 64, 3),),
        code={"version": "abc"},
        params={"rate": 0.1},
        seed=7,
        environment=store.put_environment({"numpy": "2.4"}),
        resources={"seconds": 1.5},
        metrics={"auroc": 0.7},
        checks=(Check("rows", True, False, "enough", {"n": 3}),),
        notes={"why": "trained: first"},
        run="41aa",
        branch="main",
        by="ada",
        created_at="2013-07-01T00:00:00+00:00",
    )
    version = store.commit(written)
    assert store.manifest(version) == written
    assert store.environment(written.environment or "") == {"numpy": "2.4"}


def test_the_log_keeps_every_move_and_the_newest_counts(url: str) -> None:
    store = open_store(url)
    one, two = publish(store, 1), publish(store, 2)
    store.move(ASSET, MONTH, one, expected=2, why="rollback", by="eve", details={"from": two.version})
    log = store.log(ASSET, MONTH)
    assert [(e.n, e.target, e.why) for e in log] == [(1, one, "a test"), (2, two, "a test"), (3, one, "rollback")]
    assert log[2].details == {"from": two.version}
    assert store.head(ASSET, MONTH) == log[2]


def test_a_move_from_an_entry_that_is_not_the_newest_is_refused(url: str) -> None:
    store = open_store(url)
    one, two = publish(store, 1), publish(store, 2)
    for expected in (0, 1, 3):
        with pytest.raises(
            RefMoved, match=rf"flight_delays/model 2013-06 on main is at entry 2, {two} by unknown; exp"
        ):
            store.move(ASSET, MONTH, one, expected=expected, why="stale")
    assert [entry.n for entry in store.log(ASSET, MONTH)] == [1, 2]


def test_of_two_writers_that_move_a_ref_at_once_exactly_one_wins(url: str) -> None:
    store = open_store(url)
    key = publish(store, 1)

    def move(i: int) -> str:
        try:
            return open_store(url, user=f"writer {i}").move(ASSET, MONTH, key, expected=1, why="same").by
        except RefMoved:
            return ""

    with ThreadPoolExecutor(6) as pool:
        winners = [by for by in pool.map(move, range(6)) if by]
    assert len(winners) == 1
    assert [entry.by for entry in store.log(ASSET, MONTH)] == ["unknown", *winners]


def test_publishing_from_many_at_once_loses_nothing(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(lambda i: publish(open_store(url), i, run=f"run {i}"), range(4)))
    store = open_store(url)
    assert sorted(e.target.version for e in store.log(ASSET, MONTH)) == sorted(k.version for k in keys)
    assert [store.made_by_run(f"run {i}", ASSET, MONTH) for i in range(4)] == keys


def test_a_rejected_version_is_kept_and_no_ref_names_it(url: str) -> None:
    store = open_store(url)
    good = publish(store, 1)
    bad, entry = store.publish(manifest(store, 2, checks=(FAILED,), run="41aa"), why="x")
    assert entry is None
    assert store.load(bad) == 2
    assert store.head(ASSET, MONTH).target == good  # type: ignore[union-attr]
    assert store.made_by_run("41aa", ASSET, MONTH) is None
    with pytest.raises(Rejected, match="failed a blocking check: no ref may name it"):
        store.move(ASSET, MONTH, bad, expected=1, why="anyway")


def test_publishing_the_same_twice_moves_nothing(url: str) -> None:
    store = open_store(url)
    same = manifest(store, 1, run="41aa")
    assert store.publish(same, why="once") == store.publish(same, why="twice")
    assert len(store.log(ASSET, MONTH)) == 1


def test_a_run_knows_what_it_made_itself(url: str) -> None:
    store = open_store(url)
    mine, retried = publish(store, 1, run="a"), publish(store, 2, run="a")
    publish(store, 3, run="b")
    assert store.made_by_run("a", ASSET, MONTH) == retried != mine
    assert store.made_by_run("c", ASSET, MONTH) is None


def test_a_branch_falls_through_to_main_and_writes_to_itself(url: str) -> None:
    main, branch = open_store(url), open_store(url, branch="fix/ü")
    first = publish(main, 1)
    assert branch.head(ASSET, MONTH) == main.head(ASSET, MONTH)
    second = publish(branch, 2)
    assert main.head(ASSET, MONTH).target == first  # type: ignore[union-attr]
    assert branch.head(ASSET, MONTH).target == second  # type: ignore[union-attr]
    assert [(entry.n, entry.target) for entry in branch.log(ASSET, MONTH)] == [(1, second)]


def test_the_full_log_of_a_branch_begins_with_that_of_main(url: str) -> None:
    main, branch = open_store(url), open_store(url, branch="fix/ü")
    first = publish(main, 1)
    assert [entry.target for entry in branch.full_log(ASSET, MONTH)] == [first]
    second, third = publish(branch, 2), publish(main, 3)
    assert [entry.target for entry in branch.full_log(ASSET, MONTH)] == [first, third, second]
    assert [entry.target for entry in main.full_log(ASSET, MONTH)] == [first, third]


def test_names_of_all_kinds_come_back(url: str) -> None:
    store = open_store(url)
    content = store.put(1)
    names = [("a", None), ("a", "_"), ("a", ""), ("a", "2013-06/JFK"), ("a/b", "c"), ("a/2013-06", None), ("ü b", "..")]
    for asset, partition in names:
        store.publish(Manifest(asset, partition, content), why="x")
    assert store.assets() == sorted({asset for asset, _ in names})
    assert store.partitions("a") == [None, "", "2013-06/JFK", "_"]
    assert all(len(store.versions(*name)) == 1 == len(store.log(*name)) for name in names)


def test_find_takes_a_prefix(url: str) -> None:
    store = open_store(url)
    key = publish(store, 1)
    assert store.find(key.version[:6]) == store.find(key.version, ASSET, MONTH) == key
    with pytest.raises(UnknownVersion, match=r"flight_delays/model 2013-07 has no version starting with 'ffff'"):
        store.find("ffff", ASSET, "2013-07")
    with pytest.raises(UnknownVersion, match=rf"Known: {key}\. List them: ml-assets history flight_delays/model"):
        store.find("zzzz", ASSET)
    with pytest.raises(UsageError, match="Give at least 4"):
        store.find("a4")


def test_a_prefix_of_several_versions_is_ambiguous(store: Store) -> None:
    content = store.put(1)
    for version in ("abcd0" + "0" * 59, "abcd1" + "0" * 59):
        store.backend.put_new(version_key(VersionKey("a", None, version)), b"")
    store.publish(Manifest("a", None, content), why="x")
    with pytest.raises(AmbiguousVersion, match=r"2 versions start with 'abcd': a:abcd00000000, a:abcd10000000\. Give"):
        store.find("abcd")


def test_reading_where_no_store_is_finds_nothing_and_creates_nothing(url: str) -> None:
    store = open_store(url)
    assert (store.assets(), store.versions("a"), store.head("a", None), store.log("a", None)) == ([], [], None, [])
    with pytest.raises(UnknownVersion):
        store.manifest(VersionKey("a", None, "0" * 64))
    assert open_backend(url).list("") == []


def test_materializing_again_with_nothing_changed_writes_no_blob(url: str) -> None:
    publish(open_store(url), {"x": np.pi}, created_at="1")
    counted = Counted(open_backend(url), at=lambda n, key: None)
    publish(Store(counted), {"x": np.pi}, created_at="2")
    assert counted.written
    assert not [key for key in counted.written if key.startswith("blobs/")]


def test_a_changed_byte_is_found_wherever_it_is(url: str) -> None:
    store = open_store(url)
    packages = store.put_environment({"numpy": "2"})
    key = publish(store, {"a": 1}, environment=packages)
    file = store.manifest(key).content.files[0]
    for changed in (blob_key(file.digest), f"environments/{packages}.json"):
        flip(store, changed)
    with pytest.raises(CorruptBlob, match=rf"{file.digest} reads back as .*materialize {key} again"):
        store.load(key)
    assert [type(error) for error in store.verify(key)] == [CorruptBlob, CorruptBlob]
    flip(store, version_key(key))
    with pytest.raises(CorruptBlob, match="It was changed or truncated after it was written"):
        store.manifest(key)
    assert [type(error) for error in store.verify(key)] == [CorruptBlob]


def test_a_changed_ref_entry_is_found(url: str) -> None:
    store = open_store(url)
    publish(store, 1)
    flip(store, f"refs/main/{ASSET}/{MONTH}/0000000001.json")
    with pytest.raises(CorruptBlob, match=r"0000000001\.json was changed after it was written"):
        store.head(ASSET, MONTH)


def test_a_missing_blob_is_named(url: str) -> None:
    store = open_store(url)
    key = publish(store, 1)
    store.backend.delete(blob_key(store.manifest(key).content.files[0].digest))
    with pytest.raises(MissingBlob, match=r"is gone, although a manifest names it as 'value.json'\. Restore it"):
        store.load(key)
    assert [type(error) for error in store.verify(key)] == [MissingBlob]


def test_a_damaged_blob_is_repaired_when_its_value_is_stored_again(url: str, caplog: pytest.LogCaptureFixture) -> None:
    store = open_store(url)
    key = publish(store, {"a": 1})
    flip(store, blob_key(store.manifest(key).content.files[0].digest))
    with caplog.at_level(logging.WARNING):
        store.put({"a": 1})
    assert "was damaged after it was written; it is written again" in caplog.text
    assert store.load(key) == {"a": 1}


def test_a_manifest_under_another_name_is_refused(store: Store) -> None:
    key = publish(store, 1)
    other = VersionKey("other", None, key.version)
    store.backend.put_new(version_key(other), store.backend.get(version_key(key)) or b"")
    with pytest.raises(CorruptBlob, match=rf"is the manifest of {key}: it was copied to another name"):
        store.manifest(other)


def test_a_ref_names_only_versions_that_exist(store: Store) -> None:
    with pytest.raises(UnknownVersion, match=r"There is no version 0{64} of a\. List what there is"):
        store.move("a", None, VersionKey("a", None, "0" * 64), expected=0, why="x")
    with pytest.raises(InvalidKey, match="Use find"):
        store.move("a", None, VersionKey("a", None, "9c22"), expected=0, why="x")


def test_a_missing_ref_entry_is_noticed_in_the_log(store: Store) -> None:
    publish(store, 1)
    publish(store, 2)
    store.backend.delete(f"refs/main/{ASSET}/{MONTH}/0000000001.json")
    with pytest.raises(MissingBlob, match=r"Entry 1 of .* is gone: .*Entries are never deleted; restore it"):
        store.log(ASSET, MONTH)


def test_lost_replies_change_nothing() -> None:
    inner = open_backend("memory://")
    store = Store(LosesReplies(inner))
    key = publish(store, {"a": 1}, run="41aa")
    store.move(ASSET, MONTH, key, expected=1, why="again")
    assert Store(inner).load(key) == {"a": 1}
    assert [entry.why for entry in Store(inner).log(ASSET, MONTH)] == ["a test", "again"]
    assert Store(inner).made_by_run("41aa", ASSET, MONTH) == key


def test_a_backend_that_ignores_create_only_is_refused_every_time() -> None:
    backend = IgnoresCreateOnly(open_backend("memory://"))
    for _ in range(2):
        with pytest.raises(UnsafeStore, match=r"ignores create-only writes \(If-None-Match: \*\).*Use AWS S3, Ceph"):
            Store(backend).put(1)
    assert backend.list("blobs") == []


def test_a_store_is_probed_once(tmp_path: Path) -> None:
    open_store(str(tmp_path / "s")).put(1)
    counted = Counted(open_backend(str(tmp_path / "s")), at=lambda n, key: None)
    Store(counted).put(2)
    assert len(counted.written) == 1
    assert counted.n == 4  # store.json read, blob created, each counted before and after


def test_a_store_of_another_format_is_refused(store: Store) -> None:
    store.backend.put_new("store.json", b'{"format":2}')
    for use in (store.assets, lambda: store.put(1), lambda: store.head("a", None)):
        with pytest.raises(UnreadableContent, match=r"says 2, this ml_assets reads format 1\. Use the version that"):
            use()


def test_metrics_that_are_not_numbers_are_recorded_as_null(store: Store) -> None:
    key = store.commit(manifest(store, 1, metrics={"auroc": float("nan"), "n": np.int64(3), "ok": np.bool_(True)}))
    assert store.manifest(key).metrics == {"auroc": None, "n": 3, "ok": True}


def flip(store: Store, key: str) -> None:
    """Change one byte of a stored key."""
    data = bytearray(store.backend.get(key) or b"")
    data[len(data) // 2] ^= 1
    store.backend.delete(key)
    store.backend.put_new(key, bytes(data))
