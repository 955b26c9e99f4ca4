"""A store that holds what Dagster made of the tiny problems, for tests that look at it or act on it.

    made      its folder, made once for all workers: never write to it
    shared    that store, to look at
    own       a copy of it, to change

``shared`` and ``own`` point the environment there, so that `ml-assets` and `open_store()` find the same store.
"""

from __future__ import annotations

import dataclasses
import fcntl
import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

import ml_assets
from ml_assets.computation.machine import usable_cores
from ml_assets.settings import let_garbage_wait, let_waiting_threads_yield, share_cores
from ml_assets.store import Store
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.azurite import azurite  # noqa: F401 (a fixture)
from ml_assets_tests.doubles.mlflow_server import mlflow  # noqa: F401 (a fixture)
from ml_assets_tests.doubles.s3 import ceph, moto  # noqa: F401 (fixtures)

# no test depends on seconds: a loaded machine takes what it takes
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")
let_garbage_wait()
let_waiting_threads_yield()  # tests share the cores: threads that spin while they wait made trainings take many times as long
if (
    "PYTEST_XDIST_WORKER_COUNT" in os.environ
):  # a training on two threads costs a quarter more of both cores than on one
    share_cores(usable_cores(), int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))

PROBLEMS = (
    dataclasses.replace(umbrellas.PROBLEM, sample_files=lambda key: {f"visits/{key}.parquet": umbrellas.visits(key)}),
    ice_cream.PROBLEM,
)
MONTHS = ("2024-01", "2024-02", "2024-03")
BEACH = "south/east"


# Files that take half a minute or more, in which those that wait for Dagster's loops and those that compute take turns.
LONGEST = (
    "orchestration/test_live.py",
    "test_end_to_end.py",
    "orchestration/cluster/test_materialize.py",
    "computation/test_mutations.py",
    "cli/test_run.py",
    "orchestration/test_daemon_crash.py",
    "orchestration/test_try_out.py",
    "training/loop/test_together.py",
    "orchestration/test_training.py",
    "orchestration/test_automation.py",
    "orchestration/test_executor.py",
    "orchestration/cluster/test_pods.py",
    "cli/test_reproduce.py",
    "test_daily.py",
    "problems/digits/test_model.py",
    "commands/test_problem.py",
    "cli/test_ci.py",
    "exports/test_mlflow_folder.py",
    "problems/flight_delays/test_model.py",
    "exports/test_shipped.py",
    "training/loop/test_fit.py",
    "mirrors/test_tracking.py",
    "test_repository.py",
    "orchestration/distributed/test_here.py",
    "orchestration/test_iterating.py",
    "browser/test_artifact_pages.py",
    "browser/test_training_by_r.py",
    "browser/test_dagster_ui.py",
)


def pytest_xdist_auto_num_workers() -> int:
    """Three for two cores: half of the slow tests wait for Dagster's loops, and a core would be idle meanwhile."""
    return usable_cores() * 3 // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first: at the end one such file would run while nothing is left for the other workers."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    place = {Path(__file__).parent / name: n for n, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (place.get(item.path, len(place)), item.path not in slow))


def pytest_collection_finish() -> None:
    """The garbage collector need not look again and again at all the modules that are loaded now: they stay."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard() -> None:
    """Also where a shell started the tests in the background: it lets what it starts ignore Ctrl-C, and so all children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _absl_closes_nothing() -> None:
    """Keras brings absl, whose log handler, when Dagster sets up logging, closes what was standard error as it was loaded.

    It spares that of the process. Under pytest that is another one: a file that holds what tests print.
    """
    try:
        from absl import logging
    except ModuleNotFoundError:
        return
    logging.get_absl_handler().python_handler.stream = sys.__stderr__


@pytest.fixture(scope="session", autouse=True)
def _no_power_cut() -> Iterator[None]:
    """Stores of tests need not survive one: a sync takes as long as all else. (Its tests put a disk of their own in place.)"""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once("made", make, tmp_path_factory)


def make(folder: Path) -> None:
    from ml_assets_tests.doubles.world import build  # imports Dagster: only for who needs it

    world = build(folder)
    for month in MONTHS:
        world.must_run(umbrellas.PROBLEM, month)
    world.must_run(ice_cream.PROBLEM, BEACH)
    world.keep()
    world.instance.dispose()


def made_once(name: str, make: Callable[[Path], None], factory: pytest.TempPathFactory) -> Path:
    """A folder of all workers' to be looked at, made by the one that asks first, while others that ask wait."""
    own = factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    is_made = folder.with_suffix(".made")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # what a worker left that did not come to the end
            folder.mkdir()
            make(folder)
            is_made.touch()
    return folder


@pytest.fixture
def shared(made: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    return _pointed_to(made, monkeypatch)


@pytest.fixture
def own(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    shutil.copytree(made, tmp_path / "made")
    return _pointed_to(tmp_path / "made", monkeypatch)


def _pointed_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("ML_ASSETS_STORE", str(folder / "store"))
    monkeypatch.setenv("ML_ASSETS_LANDING", str(folder / "landing"))
    monkeypatch.setenv("ML_ASSETS_USER", "ada")
    monkeypatch.delenv("ML_ASSETS_BRANCH", raising=False)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(folder)  # where there is no dagster.yaml: nothing is told to an instance
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", PROBLEMS)
    return ml_assets.open_store()
