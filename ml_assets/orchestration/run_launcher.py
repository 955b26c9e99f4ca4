"""The local run launcher: Dagster's own, which also notices when the process of a run is gone.

After a power cut, or when `dagster dev` was killed, a run would stay *started* for ever, and the runs that wait for it would
wait for ever. With ``run_monitoring`` and ``run_retries`` in dagster.yaml such a run is failed and run again, and goes on from
the steps that it had done. (Only where the code server lives on and a run's process dies does Dagster see that by itself.)
"""

from __future__ import annotations

from dagster import DagsterRun
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value


class LocalRunLauncher(DefaultRunLauncher):
    """Launches runs in processes of the code server, and asks it whether they are alive."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Runs are looked after."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the server that started the run still has it; a run that no server started is somebody else's matter."""
        server = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if server is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        try:
            answer = server.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id))
        except DagsterUserCodeUnreachableError:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "The code server that started it is gone.")
        if deserialize_value(answer, CanCancelExecutionResult).can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "The code server that started it was restarted.")
