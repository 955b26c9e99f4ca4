"""The local run launcher: Dagster's own, which also notices when the process of a run is gone.

After a power cut, or when `dagster dev` was killed, a run would stay *started* for ever, and the runs that wait for it would
wait for ever. With ``run_monitoring`` and ``run_retries`` in dagster.yaml such a run is failed and run again, and goes on from
the steps that it had done. (Only where the code server lives on and a run's process dies does Dagster see that by itself.)
The same for a run from the command line that was killed, except that nobody runs it again: automation would wait for it.

A run is given up only when its process is gone. That the code server does not know it says nothing: after *Reload
definitions* another one answers, while that which started the run lives on until it is done.
"""

from __future__ import annotations

import os
import socket

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

HOST_TAG = "ml_assets/host"
"""Tag of a run from the command line: the machine that its process is on."""

ALIVE = CheckRunHealthResult(WorkerStatus.RUNNING)


class LocalRunLauncher(DefaultRunLauncher):
    """Launches runs in processes of the code server, and looks whether they are alive."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Runs are looked after."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a run is there; one on another machine is somebody else's matter."""
        server = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if server is None:
            is_here = run.tags.get(HOST_TAG) == socket.gethostname()
            return _gone("The command that ran it was killed.") if is_here and not self._has_process(run) else ALIVE
        try:
            answer = server.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id))
        except DagsterUserCodeUnreachableError:
            return _gone("The code server that started it is gone.")
        if deserialize_value(answer, CanCancelExecutionResult).can_cancel or self._has_process(run):
            return ALIVE
        return _gone("The code server that started it was restarted.")

    def _has_process(self, run: dg.DagsterRun) -> bool:
        """Whether the process that said it starts the run is there; no other has got its number since, we presume."""
        starts = self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_START)
        pids = [event.pid for entry in starts if (event := entry.get_dagster_event()).pid is not None]
        return any(map(_is_alive, pids))


def _gone(why: str) -> CheckRunHealthResult:
    return CheckRunHealthResult(WorkerStatus.NOT_FOUND, why)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except PermissionError:  # it is there, and somebody else's
        return True
    return True
