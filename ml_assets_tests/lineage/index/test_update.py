"""The index is a cache: right whatever happens to it, and it reads nothing twice."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ml_assets.errors import StoreUnreachable
from ml_assets.lineage.index import update
from ml_assets.lineage.index.segments import SUFFIX
from ml_assets.lineage.index.tables import TABLES
from ml_assets.lineage.sql import sql
from ml_assets.store import Content, Manifest, Store, VersionKey, open_store
from ml_assets.store.keys import version_key
from ml_assets_tests.doubles.backends import Wrapped

Ask = Callable[[], list[int]]


@dataclass
class Watched(Wrapped):
    """Remembers which keys were read, and does not answer after ``at_most`` of them."""

    read: list[str] = field(default_factory=list)
    at_most: int = 10**9

    def get(self, key: str, most: int | None = None) -> bytes | None:
        if len(self.read) >= self.at_most:
            raise StoreUnreachable("The network is gone.")
        self.read.append(key)
        return self.inner.get(key, most)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def seeds(store: Store, cache: Path) -> Ask:
    """Which versions (each has a seed of its own) SQL knows of."""
    return lambda: [row[0] for row in sql(store, "SELECT seed FROM versions ORDER BY seed", cache).rows]


def make(store: Store, *seeds: int) -> list[VersionKey]:
    content = Content("json", {}, ())
    return [store.commit(Manifest("toy/model", "2024-01", content, seed=seed)) for seed in seeds]


def files(cache: Path) -> list[Path]:
    return sorted(cache.rglob(f"*{SUFFIX}"))


def watched(store: Store) -> tuple[Store, Watched]:
    backend = Watched(store.backend)
    return Store(backend), backend


def manifests_read(backend: Watched) -> list[str]:
    return [key for key in backend.read if key.startswith("versions/")]


# ---------------------------------------------------------------- what is new, what is gone


def test_what_is_new_is_read_and_nothing_twice(store, cache):
    seen, backend = watched(store)
    known = make(store, 1, 2)
    sql(seen, "FROM versions", cache)
    assert sorted(manifests_read(backend)) == sorted(version_key(key) for key in known)

    backend.read.clear()
    sql(seen, "FROM versions JOIN params USING (version)", cache)
    assert manifests_read(backend) == []

    (new,) = make(store, 3)
    assert len(sql(seen, "FROM versions", cache).rows) == 3
    assert manifests_read(backend) == [version_key(new)]


def test_what_a_query_does_not_ask_for_is_not_looked_at(store, cache):
    seen, backend = watched(store)
    (key,) = make(store, 1)
    store.name(store.manifest(key), why="a test")
    sql(seen, "FROM moves", cache)
    assert {key.split("/")[0] for key in backend.read} == {"refs"}


def test_a_version_that_was_deleted_vanishes(store, seeds):
    keys = make(store, 1, 2, 3)
    assert seeds() == [1, 2, 3]
    store.backend.delete(version_key(keys[1]))
    assert seeds() == [1, 3]
    make(store, 2)
    assert seeds() == [1, 2, 3]


def test_a_branch_that_was_removed_and_begun_anew_has_only_its_new_moves(store, cache, tmp_path):
    key, other = make(store, 1, 2)
    branch = store.on("trial")
    branch.name(store.manifest(key), why="before")
    assert sql(store, "SELECT why FROM moves", cache).rows == [("before",)]
    shutil.rmtree(tmp_path / "store" / "refs" / "trial")
    branch.name(store.manifest(other), why="after")
    assert sql(store, "SELECT why, version FROM moves", cache).rows == [("after", other.version)]


def test_two_stores_share_a_cache_folder_and_nothing_else(store, cache, tmp_path, seeds):
    other = open_store(str(tmp_path / "other"))
    make(store, 1)
    make(other, 2)
    assert seeds() == [1]
    assert sql(other, "SELECT seed FROM versions", cache).rows == [(2,)]
    assert seeds() == [1]


def test_a_store_in_memory_leaves_nothing_behind(cache):
    store = open_store("memory://")
    make(store, 1)
    assert len(sql(store, "FROM versions", cache).rows) == 1
    assert not cache.exists()


def test_many_updates_leave_few_files_and_every_row_once(store, cache, seeds):
    for seed in range(3 * update.MOST_FILES):
        make(store, seed)
        assert seeds() == list(range(seed + 1))
        assert len(files(cache)) <= update.MOST_FILES + 1


# ---------------------------------------------------------------- damage


DAMAGE = {
    "is cut off": lambda file: file.write_bytes(file.read_bytes()[:-10]),
    "is empty": lambda file: file.write_bytes(b""),
    "was changed": lambda file: file.write_bytes(file.read_bytes().replace(b"toy", b"joy")),
    "is gone": lambda file: file.unlink(),
    "is a folder": lambda file: (file.unlink(), file.mkdir()),
    "has another name": lambda file: file.rename(file.with_name(f"{'0' * 64}{SUFFIX}")),
    "is there twice": lambda file: shutil.copy(file, file.with_name(f"{'0' * 64}{SUFFIX}")),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_an_index_of_which_a_file_is_damaged_is_made_again(store, cache, seeds, damage):
    make(store, 1)
    seeds()
    make(store, 2)
    assert seeds() == [1, 2]
    damage(files(cache)[0])
    assert seeds() == [1, 2]
    assert seeds() == [1, 2]


def test_a_file_with_other_columns_counts_as_absent(store, cache, seeds):
    import pyarrow as pa

    from ml_assets.lineage.index.segments import Segments

    make(store, 1)
    seeds()
    rows = pa.table({"key": ["a"], "stamp": [""]})
    strange = Segments(files(cache)[0].parent, rows.schema).add(rows)
    assert seeds() == [1]
    assert not strange.exists()


def test_a_cache_that_was_deleted_is_made_again(store, cache, seeds):
    make(store, 1)
    seeds()
    shutil.rmtree(cache)
    assert seeds() == [1]
    assert len(files(cache)) == 1


def test_where_nothing_can_be_written_the_answer_is_right_and_says_so(store, cache):
    make(store, 1)
    cache.write_text("no folder")
    answer = sql(store, "SELECT seed FROM versions", cache)
    assert answer.rows == [(1,)]
    (warning,) = answer.warnings
    assert f"the index in {cache}" in warning
    assert "the answer is right" in warning


def test_a_damaged_manifest_is_named_each_time_and_hides_no_other(store, cache, tmp_path):
    damaged, _ = make(store, 1, 2)
    path = tmp_path / "store" / version_key(damaged)
    path.write_bytes(path.read_bytes().replace(b"toy", b"joy"))
    for _ in range(2):
        answer = sql(store, "SELECT seed FROM versions", cache)
        assert answer.rows == [(2,)]
        (warning,) = answer.warnings
        assert warning.startswith(f"{version_key(damaged)} is left out, CorruptBlob: ")


def test_a_damaged_move_is_named_and_hides_no_other(store, cache, tmp_path):
    for key in make(store, 1, 2):
        store.name(store.manifest(key), why="a test")
    first = tmp_path / "store/refs/main/toy/model/2024-01/0000000001.json"
    first.write_bytes(first.read_bytes().replace(b"a test", b"a lie!"))
    answer = sql(store, "SELECT n FROM moves", cache)
    assert answer.rows == [(2,)]
    assert answer.warnings[0].startswith("refs/main/toy/model/2024-01/0000000001.json is left out, CorruptBlob: ")


@pytest.mark.parametrize("name", ["versions/.DS_Store", "versions/toy/model/=zz/" + "0" * 64 + ".json"])
def test_a_key_that_no_store_writes_is_named(store, cache, name):
    make(store, 1)
    store.backend.put_new(name, b"?")
    answer = sql(store, "SELECT seed FROM versions", cache)
    assert answer.rows == [(1,)]
    assert answer.warnings[0].startswith(f"{name} is left out: no store writes such a key.")


# ---------------------------------------------------------------- interrupted, and at the same time


def test_an_index_that_was_interrupted_goes_on_from_there(store, cache, monkeypatch):
    monkeypatch.setattr(update, "AT_ONCE", 2)
    make(store, *range(6))
    seen, backend = watched(store)
    seen.assets()  # reads store.json
    backend.at_most = len(backend.read) + 4
    with pytest.raises(StoreUnreachable):
        sql(seen, "FROM versions", cache)
    backend.at_most = 10**9
    before = len(manifests_read(backend))
    assert len(sql(seen, "FROM versions", cache).rows) == 6
    assert len(manifests_read(backend)) - before == 2


def test_whoever_waits_is_told_how_far_it_is(store, cache, monkeypatch):
    monkeypatch.setattr(update, "AT_ONCE", 2)
    monkeypatch.setattr(update, "MANY", 3)
    make(store, 1, 2, 3)
    said: list[str] = []
    for _ in range(2):
        sql(store, "FROM versions", cache, tell=said.append)
    assert said == ["reading what is new in the store: 0 of 3", "reading what is new in the store: 2 of 3"]


def test_many_at_once_all_get_the_right_answer_while_versions_come_and_go(store, cache, monkeypatch):
    monkeypatch.setattr(update, "MOST_FILES", 2)
    make(store, *range(5))
    numbers = itertools.count(5)

    def change_and_ask(_: int) -> bool:
        number = next(numbers)
        (key,) = make(store, number)
        found = {row[0] for row in sql(store, "SELECT seed FROM versions", cache).rows}
        if number % 3 == 0:
            store.backend.delete(version_key(key))
            gone = {row[0] for row in sql(store, "SELECT seed FROM versions", cache).rows}
            return number in found and number not in gone and set(range(5)) <= gone
        return number in found and set(range(5)) <= found

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(change_and_ask, range(36)))
    assert sql(store, "SELECT count(*), count(DISTINCT version) FROM versions", cache).rows == [(5 + 24, 5 + 24)]


def test_every_table_can_be_asked_without_a_cache(store):
    make(store, 1)
    assert [sql(store, f"FROM {table.name}", None).warnings for table in TABLES] == [()] * len(TABLES)
