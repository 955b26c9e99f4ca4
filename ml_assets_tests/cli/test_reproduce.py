"""Versions rebuilt by a process whose code is what was recorded."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets.computation.chain import chain_of
from ml_assets.computation.packages import version_of
from ml_assets.store import Store, VersionKey, open_store
from ml_assets_tests.doubles import ice_cream, restless, tuned, umbrellas
from ml_assets_tests.doubles.forgery import forged, forged_well
from ml_assets_tests.doubles.world import build

UMBRELLAS = "ml_assets_tests/doubles/umbrellas.py"


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch) -> Iterator[Path]:
    """The folder for temporary files, in which nothing may be left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    gc.collect()  # a table that was read in batches has its folder until then
    assert list(folder.iterdir()) == []


def contents(folder: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def key(store: Store, noun: str, partition: str = "2024-02") -> VersionKey:
    return store.head(f"umbrellas/{noun}", partition).target


def edited(store: Store, of: VersionKey, *edits: tuple[str, str | None, str]) -> VersionKey:
    """The version as if its recorded source had been another: in a file, what is replaced (None: all of it) by what."""
    files = store.source(store.manifest(of).code["source"])
    for path, before, after in edits:
        text = files[path].decode()
        assert before is None or before in text
        files[path] = (after if before is None else text.replace(before, after)).encode()
    return forged(store, of, code={"source": store.put_source(files)})


def without(store: Store, of: VersionKey, path: str) -> VersionKey:
    files = store.source(store.manifest(of).code["source"])
    del files[path]
    return forged(store, of, code={"source": store.put_source(files)})


@pytest.mark.slow
def test_every_version_of_the_first_and_of_a_later_month_is_rebuilt_identical_and_the_store_is_only_read(shared, call):
    before = contents(shared.url)
    later = [key for noun in chain_of(umbrellas.PROBLEM) for key in shared.versions(f"umbrellas/{noun}", "2024-03")]
    answer = call("reproduce", *(key.version for key in later), "ice_cream")
    assert answer.code == 0, answer
    assert answer.out.startswith("18 rebuilt, 18 identical, ")
    assert f"✓ {later[0]}  identical  " in answer.err
    assert contents(shared.url) == before


@pytest.mark.slow
def test_a_search_is_rebuilt_trial_by_trial(tmp_path, monkeypatch, call):
    world = build(tmp_path, [tuned.LEMONADE])
    monkeypatch.setenv("ML_ASSETS_STORE", world.store.url)
    monkeypatch.setenv("ML_ASSETS_LANDING", world.landing.backend.url)
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (tuned.LEMONADE,))
    world.landing.write("lemonade/north.parquet", ice_cream.sales("north"))
    world.must_run(tuned.LEMONADE, "north", tuned.UP_TO_MODEL)
    answer = call("reproduce", "lemonade")
    assert answer.code == 0, answer
    assert answer.out.startswith("11 rebuilt, 11 identical, ")
    assert answer.err.count("lemonade/trial@north") == tuned.TUNING.trials


def test_what_is_missing_is_named_and_nothing_is_run(own, call):
    file = Path(own.url).parent / "landing/umbrellas/visits/2024-02.parquet"
    file.unlink()
    answer = call("reproduce", "umbrellas/dataset@2024-02")
    said = f"umbrellas/visits/2024-02.parquet is no longer in {file.parents[2]}: land it again"
    assert (answer.code, answer.err) == (3, f"– {key(own, 'dataset')}  cannot\n    {said}\n")
    assert answer.out.startswith("0 rebuilt, 0 identical, 1 cannot be rebuilt, ")


def test_a_damaged_manifest_is_named_and_the_others_are_rebuilt(own, call):
    damaged = key(own, "dataset", "2024-01")
    file = Path(own.url) / f"versions/umbrellas/dataset/2024-01/{damaged.version}.json"
    file.write_bytes(b"{}")
    answer = call("reproduce", "umbrellas/dataset", "--json")
    first, *others = answer.json
    assert (answer.code, first["version"], first["state"]) == (3, str(damaged), "cannot")
    assert first["said"][0].startswith(f"its manifest: {file} reads back as ")
    assert [verdict["state"] for verdict in others] == ["identical"] * 2


def test_other_packages_are_named_and_tolerated_only_if_asked(own, call):
    packages = own.manifest(key(own, "split")).code["computation"]["packages"]
    odd = forged_well(own, key(own, "split"), computation={"packages": {**packages, "pandas": "0.1"}})
    refused = call("reproduce", odd.version)
    assert refused.code == 3
    assert "pandas 0.1 recorded, " in refused.err
    answer = call("reproduce", odd.version, "--anyway", "--json")
    (verdict,) = answer.json
    assert (answer.code, verdict["state"]) == (0, "identical")
    assert verdict["said"] == [f"although pandas 0.1 recorded, {version_of(packages['pandas'])} installed"]


@pytest.mark.slow
def test_recorded_ingredients_that_are_not_those_of_the_rebuild_are_named(own, call):
    settings = own.manifest(key(own, "dataset")).code["computation"]["settings"]
    dataset = forged_well(own, key(own, "dataset"), computation={"settings": {**settings, "minimum_rows": 60}})
    model = forged_well(own, key(own, "model"), params={"c": 0.001, "shuffle_label": False})
    answer = call("reproduce", dataset.version, model.version, "--json")
    assert answer.code == 1
    of_dataset, of_model = answer.json
    assert of_dataset["said"] == [
        "the content is the same, what it was made of is not",
        "problem.minimum_rows 60 -> 50",
    ]
    assert of_model["state"] == "differs"
    assert of_model["said"][0].startswith("estimator/estimator.skops ")
    assert "the record is not of this content" in of_model["said"][1]


@pytest.mark.slow
def test_the_recorded_source_is_what_runs(own, call, tmp_path):
    other = edited(own, key(own, "features"), (UMBRELLAS, 'history["clouds"].mean()', 'history["clouds"].median()'))
    answer = call("reproduce", other.version, "--json", "--keep", str(tmp_path / "kept"))
    (verdict,) = answer.json
    assert (answer.code, verdict["state"]) == (1, "differs")
    where, why = verdict["said"]
    assert where.startswith("features/table.parquet ")
    assert ": column above_usual, row 0: " in where
    assert why == "code: features changed"
    kept = tmp_path / "kept" / other.short
    assert sorted(path.name for path in kept.rglob("*") if path.is_file()) == [
        "array.npy",
        "table.parquet",
        "table.parquet",
    ]


@pytest.mark.slow
def test_what_does_not_repeat_itself_is_told(tmp_path, call, monkeypatch):
    from ml_assets_tests.doubles.world import build

    world = build(tmp_path, [restless.PROBLEM])
    world.landing.write("restless/visits/2024-01.parquet", umbrellas.visits("2024-01"))
    world.must_run(restless.PROBLEM, "2024-01", ["dataset", "features", "split", "model"])
    monkeypatch.setenv("ML_ASSETS_STORE", world.store.url)
    monkeypatch.setenv("ML_ASSETS_LANDING", world.landing.backend.url)
    answer = call("reproduce", "restless/model", "restless/split", "--json")
    assert answer.code == 1
    model, split = answer.json
    assert split["state"] == "identical"
    assert model["said"][0].startswith("estimator/estimator.skops ")
    assert "chance without a seed" in model["said"][1]


def test_a_problem_that_the_recorded_source_does_not_hold_is_named(own, call):
    answer = call("reproduce", without(own, key(own, "dataset"), UMBRELLAS).version)
    assert answer.code == 3
    assert "the recorded source holds no problem umbrellas" in answer.err


def test_a_process_that_breaks_off_is_told_with_what_it_said(own, call):
    rebuild = "ml_assets/orchestration/rebuild.py"
    broken = edited(own, key(own, "dataset"), (rebuild, None, "import sys\nsys.exit('the disk is full')\n"))
    answer = call("reproduce", broken.version)
    assert answer.code == 3
    assert "the process that rebuilds ended with code 1 before it was done: the disk is full" in answer.err


@pytest.mark.slow
def test_what_recorded_code_prints_does_not_disturb_the_answer(own, call):
    loud = edited(own, key(own, "split"), ("ml_assets/problems/__init__.py", "__all__ = [", "print('{}')\n__all__ = ["))
    assert call("reproduce", loud.version).out.startswith("1 rebuilt, 1 identical")


def test_a_store_in_memory_is_refused(monkeypatch, refused):
    store = open_store("memory://reproduce")
    store.publish(_toy(store), why="made")
    monkeypatch.setenv("ML_ASSETS_STORE", "memory://reproduce")
    assert refused(3, "reproduce", "toy/model").startswith(
        "Refused: memory://reproduce is in the memory of this process"
    )


def test_a_folder_that_cannot_be_made_is_refused_before_anything_runs(shared, refused, tmp_path):
    (tmp_path / "file").touch()
    said = refused(2, "reproduce", "umbrellas", "--keep", str(tmp_path / "file"))
    assert said == f"ml-assets: --keep {tmp_path}/file cannot be a folder: File exists. Name another one."


def test_what_names_no_version_is_not_understood(shared, refused):
    assert refused(2, "reproduce", "umbrella").startswith("ml-assets: 'umbrella' names no version.")


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 2], ids=["while it starts", "while it works"])
def test_ctrl_c_leaves_no_process_and_no_file(shared, temporary, after):
    command = [str(Path(sys.executable).with_name("ml-assets")), "reproduce", "umbrellas"]
    running = subprocess.Popen(
        command, env={**os.environ, "TMPDIR": str(temporary)}, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    with running:
        # Not the first entry: `tempfile` tries the folder with a file of its own, and an interrupt in that
        # very moment leaves that file.
        while not list(temporary.glob("ml_assets-reproduce-*/*")):
            assert running.poll() is None
        for _ in range(after):
            running.stderr.readline()
        running.send_signal(signal.SIGINT)
        running.communicate()
    assert running.returncode != 0
    assert list(temporary.iterdir()) == []
    assert _working_in(temporary) == []


def _working_in(folder: Path) -> list[str]:
    """Processes whose current folder is (or was) below this one."""
    links = (process.readlink() for process in Path("/proc").glob("[0-9]*/cwd") if os.access(process, os.R_OK))
    return [str(link) for link in links if str(link).startswith(str(folder))]


def _toy(store: Store):
    from ml_assets.store import Manifest

    return Manifest("toy/model", "a", store.put({"a": 1}))
