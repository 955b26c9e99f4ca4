"""Creating a training's Job: when nothing trains the same any more, and as something that goes with its run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ml_assets.orchestration.cluster.api import Namespace
from ml_assets.orchestration.cluster.attempts import Attempt, stem
from ml_assets.orchestration.compute import GRACE_SECONDS

if TYPE_CHECKING:
    from kubernetes.client import V1Job, V1Pod


class Creation:
    """Creates the Jobs of a run's steps.

    Args:
        earlier: ended runs whose work this one continues, and whose pods may still be there.
    """

    def __init__(self, namespace: Namespace, run: str, earlier: Sequence[str]) -> None:
        self._namespace, self._run, self._earlier = namespace, run, tuple(earlier)

    def create(self, attempt: Attempt) -> None:
        """Create its Job, or delete first what is in its way, to be asked again.

        Raises:
            ClusterUnreachable, ClusterRefused: if that went wrong; it may be repeated.
        """
        if self._is_clear_for(attempt):
            attempt.job.metadata.owner_references = self._owners()
            self._namespace.create(attempt.job)
            attempt.created = True

    def _is_clear_for(self, attempt: Attempt) -> bool:
        """Whether nothing trains the same any more: what is left of earlier attempts is deleted, and may save what it has."""
        left = self._left_of_earlier(attempt)
        for job in left:
            self._namespace.delete(job)
        if not left:
            return True
        attempt.clears_since = attempt.clears_since or time.monotonic()
        return time.monotonic() - attempt.clears_since > 2 * GRACE_SECONDS  # its machine is deaf: it trains for nobody

    def _left_of_earlier(self, attempt: Attempt) -> set[str]:
        is_first = attempt.name == stem(self._run, attempt.step.key)
        runs = [*self._earlier, *([] if is_first else [self._run])]
        if not runs:
            return set()
        stems = tuple(stem(run, attempt.step.key) for run in runs)
        seen = self._namespace.seen(runs)
        names = {name for name in {*seen.jobs, *seen.pods} if name.startswith(stems) and name != attempt.name}
        return {name for name in names if _is_under_way(seen.jobs.get(name), seen.pods.get(name, []))}

    def _owners(self) -> list[dict[str, str]]:
        """The run's own pod: the cluster deletes with it what it started."""
        pod = self._namespace.run_pod(self._run)
        if pod is None:
            return []
        return [{"apiVersion": "v1", "kind": "Pod", "name": pod.metadata.name, "uid": pod.metadata.uid}]


def _is_under_way(job: V1Job | None, pods: Sequence[V1Pod]) -> bool:
    if any(pod.status.phase in ("Pending", "Running") for pod in pods):
        return True
    return job is not None and not (job.status.succeeded or job.status.failed) and not job.metadata.deletion_timestamp
