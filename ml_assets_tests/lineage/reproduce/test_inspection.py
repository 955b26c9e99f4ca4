"""One ingredient of each kind lost or changed: it is named, and nothing has run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import ml_assets
from ml_assets.computation.packages import version_of
from ml_assets.lineage.reproduce.inspection import Inspection
from ml_assets.store import Store, VersionKey, digest
from ml_assets_tests.doubles.forgery import forged, forged_well

FILE = "umbrellas/visits/2024-02.parquet"


@pytest.fixture
def landing(own) -> Path:
    return Path(own.url).parent / "landing"


def key(store: Store, noun: str) -> VersionKey:
    return store.head(f"umbrellas/{noun}", "2024-02").target


def lacks(store: Store, of: VersionKey) -> tuple[str, ...]:
    return Inspection(store, ml_assets.open_landing()).lacks(of)


def others(store: Store, of: VersionKey) -> tuple[str, ...]:
    return Inspection(store, ml_assets.open_landing()).others(of)


def blob(store: Store, digest: str) -> Path:
    return Path(store.url) / "blobs" / digest[:2] / digest


def only(said: tuple[str, ...]) -> str:
    assert len(said) == 1, said
    return said[0]


def test_nothing_is_missing_of_what_is_all_there(shared):
    for asset in shared.assets():
        for version in shared.versions(asset):
            assert (lacks(shared, version), others(shared, version)) == ((), ())


def test_a_landed_file_that_is_gone(own, landing):
    (landing / FILE).unlink()
    assert only(lacks(own, key(own, "dataset"))) == f"{FILE} is no longer in {landing}: land it again"
    assert lacks(own, key(own, "features")) == (), "it reads the dataset, which is in the store"


def test_a_landed_file_with_other_bytes(own, landing):
    was = own.manifest(key(own, "dataset")).landed[0].digest[:12]
    (landing / FILE).write_bytes(b"other")
    said = only(lacks(own, key(own, "dataset")))
    assert said.startswith(f"{FILE} in {landing} has other bytes: {was} recorded, ")


def test_a_landed_file_that_was_not_there(own, landing):
    reads = {
        **own.manifest(key(own, "dataset")).code["computation"]["reads"],
        "landed umbrellas/more.parquet": "not there",
    }
    late = forged_well(own, key(own, "dataset"), computation={"reads": reads})
    assert lacks(own, late) == ()
    (landing / "umbrellas/more.parquet").write_bytes(b"x")
    assert only(lacks(own, late)) == f"umbrellas/more.parquet is in {landing} now, and was not when this was made"


def test_an_input_whose_bytes_are_gone_or_changed(own):
    features = own.manifest(key(own, "features"))
    first, second = features.content.files[:2]
    blob(own, first.digest).unlink()
    blob(own, second.digest).write_bytes(b"other")
    said = lacks(own, key(own, "split"))
    assert [f"input {features.key}" in sentence for sentence in said] == [True, True]
    assert "is gone, although a manifest names it" in said[0]
    assert "reads back as" in said[1]


def test_an_input_whose_manifest_is_gone(own):
    split = key(own, "split")
    (Path(own.url) / f"versions/umbrellas/split/2024-02/{split.version}.json").unlink()
    assert only(lacks(own, key(own, "model"))).startswith(f"input {split}: There is no version {split.version}")


def test_a_source_that_is_damaged(own):
    files = own.source(own.manifest(key(own, "model")).code["source"])
    (listed,) = [name for name in files if name == "ml_assets/problem.py"]
    blob(own, digest(files[listed])).write_bytes(b"raise SystemExit")
    said = only(lacks(own, key(own, "model")))
    assert said.startswith("the recorded source: ")
    assert "reads back as" in said


@pytest.mark.parametrize("folder", ["sources", "code", "environments"])
def test_a_list_of_sources_the_code_or_the_environment_that_is_gone(own, folder):
    for document in (Path(own.url) / folder).iterdir():
        document.unlink()
    said = lacks(own, key(own, "dataset"))
    assert f"Restore {folder}/." in only(said)


def test_a_source_from_before_there_was_any_rebuilding(own):
    source = own.put_source({"ml_assets/__init__.py": b""})
    old = forged(own, key(own, "model"), code={"source": source})
    assert only(lacks(own, old)).startswith("the recorded source has no ml_assets/orchestration/rebuild.py")


def test_a_version_from_before_ingredients_were_recorded(own):
    manifest = own.manifest(key(own, "model"))
    old = own.commit(replace(manifest, code={"ml_assets": "0.1.0"}))
    said = only(lacks(own, old))
    assert said.startswith("what it was made of is not recorded (it was made before sources were recorded)")


def test_a_version_whose_code_could_not_be_told(own):
    manifest = own.manifest(key(own, "model"))
    why = "computed, not remembered: train calls eval"
    odd = own.commit(replace(manifest, code={"source": manifest.code["source"], "why": why}))
    assert why in only(lacks(own, odd))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"params": {"c": 0.1, "shuffle_label": False}}, "params.c 1.0 -> 0.1"),
        ({"seed": 7}, "seed 0 -> 7"),
    ],
    ids=["params", "seed"],
)
def test_a_manifest_that_contradicts_its_key(own, changed, named):
    assert only(lacks(own, forged(own, key(own, "model"), **changed))).endswith(f"is recorded, of which {named}")


@pytest.mark.parametrize(
    ("noun", "changed", "named"),
    [
        ("model", {"threads": 97}, " -> 97"),
        ("dataset", {"settings": {}}, "removed"),
        ("dataset", {"packages": {}}, " removed"),
    ],
    ids=["threads", "settings", "packages"],
)
def test_ingredients_that_contradict_their_key(own, noun, changed, named):
    before = own.manifest(key(own, noun)).code["computation"]
    said = only(lacks(own, forged(own, key(own, noun), code={"computation": {**before, **changed}})))
    assert "its manifest contradicts itself" in said
    assert named in said


def test_another_package_version_is_named_with_the_way_to_get_it(own):
    packages = own.manifest(key(own, "model")).code["computation"]["packages"]
    installed = packages["scikit-learn"]
    odd = forged_well(
        own, key(own, "model"), computation={"packages": {**packages, "scikit-learn": "0.1", "nothere": "2"}}
    )
    assert lacks(own, odd) == ()
    assert sorted(others(own, odd)) == [
        "nothere 2 recorded, not installed: install nothere==2",
        f"scikit-learn 0.1 recorded, {version_of(installed)} installed: install scikit-learn==0.1",
    ]


def test_a_package_of_the_same_version_with_other_files_is_named(own):
    packages = own.manifest(key(own, "model")).code["computation"]["packages"]
    installed = packages["scikit-learn"]
    elsewhere = f"{version_of(installed)} (files 000000000000)"
    odd = forged_well(own, key(own, "model"), computation={"packages": {**packages, "scikit-learn": elsewhere}})
    before = forged_well(
        own, key(own, "model"), computation={"packages": {**packages, "scikit-learn": version_of(installed)}}
    )

    assert (
        only(others(own, odd))
        == f"scikit-learn {elsewhere} recorded, {installed} installed: install what was built then"
    )
    assert others(own, before) == (), "stores have versions that were made before files were looked at"


def test_a_package_that_was_not_there(own):
    odd = forged_well(
        own, key(own, "model"), computation={"packages": {"pytest": "not installed", "nothere": "not installed"}}
    )
    assert only(others(own, odd)).startswith("pytest was not installed, ")


def test_another_python_is_named(own):
    manifest = own.manifest(key(own, "model"))
    about = own.environment(manifest.environment)
    same_minor = own.put_environment({**about, "python": about["python"].rpartition(".")[0] + ".99"})
    other_minor = own.put_environment({**about, "python": "2.7.18"})
    assert others(own, forged(own, manifest.key, environment=same_minor)) == ()
    assert only(others(own, forged(own, manifest.key, environment=other_minor))).endswith("run this with Python 2.7")
