from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets.store import Manifest, Overlay, Store, VersionKey, open_backend, open_store


@pytest.fixture
def base(tmp_path) -> Store:
    return open_store(str(tmp_path / "base"), user="ada")


@pytest.fixture
def over(base, tmp_path) -> Store:
    return Store(Overlay(base.backend, open_backend(str(tmp_path / "own"))), user="ada")


def publish(store: Store, value: object) -> VersionKey:
    return store.publish(Manifest("toy/model", "2024-01", store.put(value), code={"of": store.url}), why="made")[0]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_versions_of_the_store_below_are_found_and_read(base, over):
    key = publish(base, {"a": 1})
    assert over.load(key) == {"a": 1}
    assert over.versions("toy/model") == [key]
    assert over.recall("0" * 64) is None


def test_environments_code_and_sources_of_the_store_below_are_found(base, over):
    environment, code, source = (
        base.put_environment({"python": "3"}),
        base.put_code({"m:f": "x"}),
        base.put_source({"a.py": b"1"}),
    )
    assert over.environment(environment) == {"python": "3"}
    assert over.code(code) == {"m:f": "x"}
    assert over.source(source) == {"a.py": b"1"}


def test_refs_and_what_is_remembered_below_are_not_seen(base, over):
    key = publish(base, {"a": 1})
    base.remember("1" * 64, key)
    assert over.head("toy/model", "2024-01") is None
    assert over.recall("1" * 64) is None
    over.move("toy/model", "2024-01", key, expected=0, why="another world")
    assert [entry.why for entry in over.log("toy/model", "2024-01")] == ["another world"]
    assert [entry.why for entry in base.log("toy/model", "2024-01")] == ["made"]


def test_one_that_shares_refs_begins_with_what_is_named_below_and_goes_on_by_itself(base, tmp_path):
    backend = Overlay(base.backend, open_backend(str(tmp_path / "own")), shares_refs=True)
    over = Store(backend.within(10), user="ada")
    first = publish(base, {"a": 1})
    assert over.head("toy/model", "2024-01").target == first
    assert over.heads("toy/model", ["2024-01"])["2024-01"].target == first
    second = publish(over, {"a": 2})
    assert [entry.target for entry in over.log("toy/model", "2024-01")] == [first, second]
    assert [entry.target for entry in base.log("toy/model", "2024-01")] == [first]


def test_nothing_is_written_below(base, over, tmp_path):
    publish(base, {"a": 1})
    before = files(tmp_path / "base")
    key = publish(over, {"a": 2})
    over.remember("1" * 64, key)
    over.backend.delete("store.json")
    assert files(tmp_path / "base") == before
    assert open_store(str(tmp_path / "own")).load(key) == {"a": 2}


def test_what_is_there_below_is_written_here_too_so_that_this_store_is_whole_by_itself(base, over, tmp_path):
    publish(base, {"a": 1})
    key = publish(over, {"a": 1})
    assert open_store(str(tmp_path / "own")).load(key) == {"a": 1}


def test_the_first_entries_of_a_ref_are_taken_over_as_they_are(base, over):
    for value in range(3):
        publish(base, {"a": value})
    over.backend.adopt("main", "toy/model", "2024-01", 2)
    assert over.log("toy/model", "2024-01") == base.log("toy/model", "2024-01")[:2]
