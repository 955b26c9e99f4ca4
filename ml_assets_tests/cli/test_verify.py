from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets.store import Store, VersionKey


def blob_of(store: Store, key: VersionKey) -> Path:
    part = max(store.manifest(key).content.files, key=lambda file: file.size)
    return Path(store.url) / "blobs" / part.digest[:2] / part.digest


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.fixture
def features(own) -> VersionKey:
    return own.head("umbrellas/features", "2024-02").target


def test_a_whole_store_passes(shared, call):
    versions = sum(len(shared.versions(asset)) for asset in shared.assets())
    objects = len(shared.backend.list("")) - 1  # all but probe.json, which says nothing
    answer = call("verify")
    told = "".join(f"{n:,} objects read\n" for n in range(1_000, objects + 1, 1_000))
    assert (answer.code, answer.err) == (0, told)
    assert answer.out == f"{versions} versions, {objects} objects read: 0 faults found\n"
    assert call("verify", "--json").json == {"versions": versions, "objects": objects, "damaged": []}


def test_one_problem_or_one_version_is_verified_alone(shared, call):
    assert call("verify", "ice_cream").out.startswith("8 versions, ")
    assert call("verify", "umbrellas/model@2024-01").out.startswith("1 version, ")


def test_a_flipped_bit_is_found_and_the_version_named(own, call, features):
    blob = blob_of(own, features)
    flip(blob)
    answer = call("verify")
    assert answer.code == 1
    assert answer.lines[-1].endswith(" objects read: 1 fault found")
    told = "".join(line for line in answer.err.splitlines(True) if not line.endswith(" objects read\n"))
    assert told.startswith(f"✗ {features}: CorruptBlob: ")
    assert f"{blob.name} reads back as " in answer.err
    assert "Make it again: ml-assets run umbrellas/features --partition 2024-02 --fresh" in answer.err


def test_a_missing_blob_is_found(own, call, features):
    blob_of(own, features).unlink()
    answer = call("verify", "umbrellas", "--json")
    assert answer.code == 1
    (fault,) = answer.json["damaged"]
    assert (fault["of"], fault["error"]) == (str(features), "MissingBlob")
    assert "is gone, although a manifest names it" in fault["message"]


def test_a_changed_manifest_is_found(own, call, features):
    (path,) = (Path(own.url) / "versions").rglob(f"{features.version}.json")
    path.write_text(path.read_text().replace('"ada"', '"eve"'))
    answer = call("verify", "umbrellas")
    assert answer.code == 1
    assert answer.err.startswith(f"✗ {features}: CorruptBlob: ")


def test_damage_elsewhere_does_not_fail_what_is_whole(own, call, features):
    flip(blob_of(own, features))
    assert call("verify", "ice_cream").code == 0
    assert call("verify", "umbrellas/features@2024-01").code == 0
    assert call("verify", features.short).code == 1


def test_a_store_without_versions_is_refused_instead_of_found_whole(own, refused, monkeypatch, tmp_path):
    monkeypatch.setenv("ML_ASSETS_STORE", str(tmp_path / "a typing error"))
    assert refused(3, "verify") == (
        f"UnknownVersion: {tmp_path}/a typing error holds no version, so nothing was verified. "
        "Is ML_ASSETS_STORE right?"
    )


def test_what_is_neither_problem_nor_reference_is_not_understood(shared, refused):
    assert refused(2, "verify", "umbrella").startswith("ml-assets: 'umbrella' names no version.")
