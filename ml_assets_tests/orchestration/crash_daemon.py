"""Kill Dagster's daemon in the middle of the landing sensor's tick, again and again, while files land.

    python -m ml_assets_tests.orchestration.crash_daemon FOLDER KILLS

Each tick runs in a process of its own, forked from this one before it does anything: so loading the code costs once. For
each file version one daemon is killed (SIGKILL, at one of Dagster's own test points), then the next one does what is left to
do. Prints what landed and which runs there are as JSON.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
from dagster._core.execution.api import execute_run
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.test_utils import InProcessTestWorkspaceLoadTarget
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._daemon.sensor import execute_sensor_iteration

from ml_assets import open_landing, open_store
from ml_assets.computation.recipe import Recipe
from ml_assets.orchestration import build_definitions
from ml_assets.orchestration.selection import Target
from ml_assets.store import trust
from ml_assets.store.codecs.table import to_parquet
from ml_assets_tests.doubles import ice_cream
from ml_assets_tests.doubles.chain import CHAIN

POINTS = ("TICK_CREATED", "TICK_HELD", "RUN_IDS_RESERVED", "RUN_CREATED", "RUN_LAUNCHED")
MODULE = "ml_assets_tests.orchestration.crash_daemon"
SENSOR = "shops_landing"
PATIENCE_SECONDS = 240
HEAVY = (
    "pandas",
    "pandera.pandas",
    "pandera.strategies.pandas_strategies",
    "pyarrow.parquet",
    "scipy.stats",
    "sklearn.metrics",
)


@dg.definitions
def defs() -> dg.Definitions:
    return build_definitions([ice_cream.SHOPS], open_store(), open_landing())


def main(folder: Path, kills: int) -> None:
    trust(ice_cream.Line)
    for module in HEAVY:  # once, and not in each process
        importlib.import_module(module)
    for noun in CHAIN:  # as it looks at the code
        assert Recipe(ice_cream.SHOPS, noun).code
    killed = []
    for n in range(kills):
        land(folder, f"shop-{n:02d}")
        killed.append(in_a_process(lambda n=n: tick(folder, POINTS[n % len(POINTS)])))
        in_a_process(lambda n=n: until_made(folder, n + 1))
    in_a_process(lambda: print(json.dumps({"killed": killed, "runs": runs(folder)})))


def in_a_process(work: Callable[[], None]) -> int:
    """The signal that ended a process that did the work; 0 if it came to the end."""
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            work()
            failed = 0
        except Exception:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(failed)
    _, status = os.waitpid(child, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def land(folder: Path, shop: str) -> None:
    """A file that was written a minute ago."""
    path = folder / f"landing/shops/{shop}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".part").write_bytes(to_parquet(ice_cream.sales("north")))
    os.utime(path.with_suffix(".part"), (time.time() - 60,) * 2)
    path.with_suffix(".part").rename(path)


def tick(folder: Path, crash_at: str | None = None) -> None:
    """One round of the daemon over all sensors, as it is when Dagster is started."""
    with opened(folder) as (instance, workspace):
        flags = {SENSOR: {crash_at: signal.SIGKILL}} if crash_at else None
        logger = logging.getLogger("daemon")
        list(execute_sensor_iteration(workspace, logger, None, None, debug_crash_flags=flags))
        target = Target(MODULE)
        for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])):
            starting = dg.DagsterEvent(dg.DagsterEventType.PIPELINE_STARTING.value, run.job_name)
            instance.report_dagster_event(starting, run.run_id)
            logging.disable(logging.CRITICAL)
            begun = instance.get_run_by_id(run.run_id)
            execute_run(target.job().get_subset(asset_selection=run.asset_selection), begun, instance)


def until_made(folder: Path, n_runs: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        tick(folder)
        if len([run for run in runs(folder) if run["status"] == "SUCCESS"]) >= n_runs:
            return
        time.sleep(1)
    raise AssertionError(f"the file that landed last was not made: {runs(folder)}")


def runs(folder: Path) -> list[dict[str, str]]:
    with dg.DagsterInstance.from_ref(reference(folder)) as instance:
        return [
            {"key": run.tags["dagster/run_key"], "partition": run.tags["dagster/partition"], "status": run.status.value}
            for run in instance.get_runs()
        ]


class opened(ExitStack):  # noqa: N801  # a function, were it not for the stack
    """The instance and the code location, in this very process."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __enter__(self) -> tuple[dg.DagsterInstance, WorkspaceProcessContext]:  # type: ignore[override]
        instance = self.enter_context(dg.DagsterInstance.from_ref(reference(self.folder)))
        origin = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name=MODULE), location_name="tiny")
        target = InProcessTestWorkspaceLoadTarget(origin)
        return instance, self.enter_context(WorkspaceProcessContext(instance, target))


def reference(folder: Path) -> InstanceRef:
    uncaptured = {"compute_logs": {"module": NoOpComputeLogManager.__module__, "class": NoOpComputeLogManager.__name__}}
    return InstanceRef.from_dir(str(folder), overrides=uncaptured)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
