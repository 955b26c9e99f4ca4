"""The run launcher of a cluster: Dagster's own, which tells a dead run from an API that does not answer, and clears up.

Dagster fails a run as soon as the API of Kubernetes cannot be asked about it; its pod goes on, and ``run_retries`` starts another
beside it. And it leaves the pods of a dead run's steps to train for nobody. Configured as ``K8sRunLauncher``.
"""

from __future__ import annotations

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_k8s import K8sRunLauncher

from ml_assets.errors import ClusterRefused, ClusterUnreachable
from ml_assets.orchestration.cluster.api import Namespace
from ml_assets.orchestration.cluster.attempts import namespace_of
from ml_assets.orchestration.run_launcher import HOST_TAG

GONE = "could not be found"


class ClusterRunLauncher(K8sRunLauncher):
    """Launches each run in a pod, and looks whether it is alive."""

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the pod of a run is there; a run from the command line has none, and is somebody else's matter."""
        if HOST_TAG in run.tags:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        found: CheckRunHealthResult = super().check_run_worker_health(run)
        if found.status in (WorkerStatus.RUNNING, WorkerStatus.SUCCESS):
            return found
        if found.status is WorkerStatus.UNKNOWN and GONE not in str(found.msg):
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"Not known, asked again later: {found.msg}")
        try:
            self._clear_up_after(run)
        except (ClusterUnreachable, ClusterRefused) as trouble:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"Its steps' pods are to go first. {trouble}")
        return found

    def _clear_up_after(self, run: dg.DagsterRun) -> None:
        namespace = Namespace(namespace_of(run, self))
        for name, job in namespace.seen([run.run_id]).jobs.items():
            if not job.status.succeeded and not job.status.failed:
                namespace.delete(name)
