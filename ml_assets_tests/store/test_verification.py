"""Every kind of object that a store holds is read again, and its damage is found, named, and told how to mend."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ml_assets.store import Manifest, Store, Trace, VersionKey, open_store
from ml_assets.store.keys import blob_key
from ml_assets.store.verification import Fault, Verification

ASSET, PARTITION = "shop/features", "2024-01"
CODE = {"git_commit": "c0ffee", "git_dirty": False}


def published(store: Store, value: object, **more: object) -> VersionKey:
    computation = {"key": "a" * 64, "code": store.put_code({"shop:build": "def build(): ..."})}
    source = store.put_source({"shop.py": b"def build(): ...", "shop/data.json": b"{}"})
    code = {**CODE, "computation": computation, "source": source}
    environment = store.put_environment({"python": "3.11.7"})
    manifest = Manifest(ASSET, PARTITION, store.put(value), code=code, environment=environment, run="r1", **more)
    key, _ = store.publish(manifest, why="test")
    return key


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of everything: two versions of a partition, of which the branch names the second."""
    folder = tmp_path_factory.mktemp("store")
    store = open_store(str(folder), user="ada")
    published(store, {"rows": 1})
    second = published(store, {"rows": 2})
    store.remember("a" * 64, second)
    store.remember("b" * 64, "no outcome is known yet")
    store.put_trace("c" * 64, {"shop/2024-01.parquet": Trace("d" * 64, "stamp")})
    store.checkpoints("e" * 64).save(10, {"weights": [1.0, 2.0]})
    store.put({"kept": "by nobody"})
    return folder


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Store:
    shutil.copytree(whole, tmp_path / "copy")
    return open_store(str(tmp_path / "copy"), user="ada")


def faults(store: Store) -> list[Fault]:
    return [looked.fault for looked in Verification(store).everything() if looked.fault]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


KINDS = [
    "blobs",
    "checkpoints",
    "code",
    "computations",
    "environments",
    "refs",
    "runs",
    "sources",
    "traces",
    "versions",
]
SAID = {"code": "reproduce refuses", "environments": "same environment", "refs": " it", "runs": " it",
        "computations": "loses time", "traces": "loses time", "checkpoints": "passed over",
        "sources": "reproduced", "versions": "ml-assets run shop/features --partition 2024-01 --fresh"}  # fmt: skip


def test_every_object_of_a_whole_store_is_read_once(store: Store):
    looked = [one.key for one in Verification(store).everything()]

    assert sorted(looked) == [key for key in store.backend.list("") if key != "probe.json"]
    assert faults(store) == []
    assert {key.partition("/")[0] for key in looked} == {*KINDS, "store.json"}


@pytest.mark.parametrize("damage", [flip, shorten, empty])
@pytest.mark.parametrize("kind", KINDS)
def test_damage_to_any_object_is_found_and_told_how_to_mend(store: Store, kind: str, damage: Callable[[Path], None]):
    for key in [key for key in store.backend.list("") if key.startswith(f"{kind}/")]:
        path = Path(store.url) / key
        before = path.read_bytes()
        damage(path)
        found = {fault.key: fault for fault in faults(open_store(store.url))}

        assert key in found, key
        assert SAID.get(kind, "") in found[key].remedy
        assert found[key].of and found[key].remedy
        path.write_bytes(before)
    assert faults(open_store(store.url)) == []


MISSED = ["blobs", "code", "environments", "sources"]


@pytest.mark.parametrize("kind", MISSED)
def test_what_a_version_needs_is_missed(store: Store, kind: str):
    spare = blob_key(store.put({"kept": "by nobody"}).files[0].digest)
    for key in [key for key in store.backend.list("") if key.startswith(f"{kind}/") and key != spare]:
        path = Path(store.url) / key
        before = path.read_bytes()
        path.unlink()

        assert [fault.key for fault in faults(open_store(store.url))] == [key]
        path.write_bytes(before)


def test_an_entry_in_the_middle_of_a_log_is_missed(store: Store):
    first, _ = sorted((Path(store.url) / "refs").rglob("*.json"))
    first.unlink()
    (fault,) = faults(store)

    assert fault.key == first.relative_to(store.url).as_posix()
    assert fault.of == "the log of shop/features@2024-01 in main"
    assert "is gone" in str(fault.error)


def test_what_a_power_cut_left_at_the_end_of_a_log_is_told_until_it_is_passed_over(store: Store):
    newest = max((Path(store.url) / "refs").rglob("*.json"))
    empty(newest)
    (fault,) = faults(store)
    assert "the next entry is created behind it" in fault.remedy

    published(store, {"rows": 3})
    assert faults(open_store(store.url)) == []


def test_a_log_and_a_memory_that_name_what_does_not_exist_are_found(store: Store):
    second = store.head(ASSET, PARTITION).target
    (Path(store.url) / "versions").rglob(f"{second.version}.json").__next__().unlink()

    assert sorted(fault.key.partition("/")[0] for fault in faults(store)) == ["computations", "refs", "runs"]


def test_a_damaged_value_is_made_again_where_a_branch_names_it_and_rebuilt_beside_the_store_elsewhere(store: Store):
    older, newest = (entry.target for entry in store.log(ASSET, PARTITION))
    for key in (older, newest):
        flip(Path(store.url) / blob_key(store.manifest(key).content.files[0].digest))
    told = {fault.of: fault.remedy for fault in faults(store)}

    assert told[str(newest)] == "Make it again: ml-assets run shop/features --partition 2024-01 --fresh"
    assert told[str(older)].endswith(f"ml-assets reproduce {older}")


def test_a_damaged_source_file_is_in_the_commit_if_nothing_was_edited(store: Store):
    sources = store.source_files(store.manifest(store.head(ASSET, PARTITION).target).code["source"])
    flip(Path(store.url) / blob_key(sources["shop.py"]))
    (fault,) = faults(store)

    assert fault.of.startswith("the source of shop/features@2024-01:")
    assert f"git show c0ffee:shop.py > {blob_key(sources['shop.py'])}" in fault.remedy


def test_a_problem_and_a_version_are_read_with_all_that_they_need(store: Store):
    def kinds(looks: Iterator[object]) -> set[str]:
        return {looked.key.partition("/")[0] for looked in looks}  # type: ignore[attr-defined]

    needed = {"blobs", "code", "computations", "environments", "sources", "versions"}
    newest = store.head(ASSET, PARTITION).target

    assert kinds(Verification(store).versions([newest])) == needed
    assert kinds(Verification(store).problem("shop")) == {*needed, "refs", "runs"}
    assert kinds(Verification(store).problem("other")) == set()
