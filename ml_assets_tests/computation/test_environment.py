"""What is recorded of where a computation ran."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from ml_assets.computation import environment as module
from ml_assets.computation.environment import cuda_devices, environment, installed, threads
from ml_assets.computation.machine import Gpus, usable_cores
from ml_assets.problem import Compute
from ml_assets.store import canonical, digest, open_store

ROOT = Path(__file__).parents[2]
TELL = """
import sys
{before}
from ml_assets.computation.environment import environment
from ml_assets.store import canonical, digest
print(digest(canonical(environment())))
assert "torch" not in sys.modules
"""


def told_by_a_process(folder: Path, before: str = "", **variables: str) -> str:
    """The digest of the environment that another process sees."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    program = [sys.executable, "-c", TELL.format(before=before)]
    done = subprocess.run(program, cwd=folder, env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def packages_in(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> dict[str, str]:
    """What is installed where only these files, by folder, say so."""
    for name, text in files.items():
        path = folder / name
        path.mkdir(parents=True)
        (path / ("METADATA" if name.endswith("dist-info") else "PKG-INFO")).write_text(text)
    monkeypatch.setattr(sys, "path", [str(folder)])
    return dict(installed.__wrapped__())


def test_two_processes_in_the_same_environment_record_the_same_one(tmp_path):
    here = digest(canonical(environment()))
    busy = "import pandas; import threading; threading.Thread(target=sum, args=(range(10**5),)).start()"
    assert told_by_a_process(tmp_path) == told_by_a_process(ROOT, before=busy) == here


@pytest.mark.parametrize("variable", ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONHASHSEED"])
def test_another_number_of_threads_or_hash_seed_is_another_environment(variable, monkeypatch):
    monkeypatch.delenv(variable, raising=False)
    before = environment()
    monkeypatch.setenv(variable, "77")
    assert {name for name, value in environment().items() if before[name] != value} == {
        "OMP_NUM_THREADS": {"openmp_threads", "openblas_threads", "mkl_threads"},
        "OPENBLAS_NUM_THREADS": {"openblas_threads"},
        "MKL_NUM_THREADS": {"mkl_threads"},
        "PYTHONHASHSEED": {"hash_seed"},
    }[variable]


def test_the_image_is_recorded_where_there_is_one():
    assert environment()["image"] is None
    assert environment("sha256:1f0c") == {**environment(), "image": "sha256:1f0c"}


def test_the_store_gives_the_environment_back(tmp_path):
    store = open_store(str(tmp_path))
    assert store.environment(store.put_environment(environment())) == environment()


def test_it_tells_nothing_that_changes_from_run_to_run():
    told = json.dumps({**environment(), "packages": {}})
    assert os.uname().nodename not in told.replace(environment()["platform"], "")
    assert str(os.getpid()) not in told.split()
    assert set(environment()) == {
        "python", "implementation", "platform", "machine", "image", "cpu", "cores", "gpus", "gpu_driver",
        "openmp_threads", "openblas_threads", "mkl_threads", "hash_seed", "packages",
    }  # fmt: skip


def test_a_training_uses_the_usable_cores_unless_openmp_is_told_otherwise(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads() == usable_cores()
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert threads() == usable_cores()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads() == 3


@pytest.mark.parametrize(
    ("compute", "on_cluster", "told"),
    [
        (Compute(cpus=8, gpus=2), True, 4),
        (Compute(cpus=0.5), True, 1),
        (Compute(cpus=8), False, 3),
        (None, True, 3),
    ],
)
def test_every_pod_of_a_cluster_tells_the_same_threads_of_a_training(compute, on_cluster, told, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads(compute, on_cluster=on_cluster) == told


# ---------------------------------------------------------------- devices


@pytest.mark.parametrize(
    ("torch", "visible", "found"),
    [("2.9.0+cu128", None, 2), ("2.9.0", "0", 1), ("2.9.0", "", 0), ("2.9.0", "0,1,2", 2), ("2.9.0+cpu", None, 0)],
    ids=["all", "one", "hidden", "more than there are", "torch for processors"],
)
def test_the_gpus_to_train_on_are_told_without_torch(torch, visible, found, monkeypatch):
    monkeypatch.setattr(module, "gpus", lambda: Gpus(("NVIDIA L4", "NVIDIA L4"), "570.1"))
    monkeypatch.setattr(module, "installed", lambda: {"torch": torch})
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert cuda_devices() == found


def test_without_torch_there_is_nothing_to_train_on(monkeypatch):
    monkeypatch.setattr(module, "installed", dict)
    assert cuda_devices() == 0


# ---------------------------------------------------------------- packages


def test_the_packages_are_those_that_python_would_import():
    names = ("dagster", "scikit-learn", "pandas", "numpy", "pyarrow", "ml-assets")
    assert {name: installed()[name] for name in names} == {name: version(name) for name in names}
    assert list(installed()) == sorted(installed())


def test_names_are_spelt_as_package_indexes_do(tmp_path, monkeypatch):
    found = packages_in(
        tmp_path,
        monkeypatch,
        **{
            "Ruamel.Yaml_Clib-0.2.dist-info": "Metadata-Version: 2.4\nName: Ruamel.Yaml__Clib\nVersion: 0.2\n",
            "torch-2.9.0+cu128.dist-info": "Name: torch\r\nVersion: 2.9.0+cu128\r\n",
            "old.egg-info": "Name: OLD\nVersion: 1.0\nSummary: before wheels\n",
        },
    )
    assert found == {"old": "1.0", "ruamel-yaml-clib": "0.2", "torch": "2.9.0+cu128"}


def test_what_a_broken_install_left_behind_is_no_package(tmp_path, monkeypatch):
    readme = "Metadata-Version: 2.4\n\nName: not a field\nVersion: 9\n"
    found = packages_in(tmp_path, monkeypatch, **{"half-1.dist-info": readme, "empty-1.dist-info": ""})
    assert found == {}


def test_of_two_installs_the_one_that_is_imported_counts(tmp_path, monkeypatch):
    packages_in(tmp_path / "first", monkeypatch, **{"toy-2.dist-info": "Name: toy\nVersion: 2\n"})
    packages_in(tmp_path / "second", monkeypatch, **{"toy-1.dist-info": "Name: toy\nVersion: 1\n"})
    monkeypatch.setattr(sys, "path", [str(tmp_path / "first"), str(tmp_path / "second")])
    assert installed.__wrapped__() == {"toy": "2"}
