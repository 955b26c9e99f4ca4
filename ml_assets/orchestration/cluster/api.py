"""The few calls to the API of Kubernetes that we make, through its official client.

Each says by its error whether it is worth another try. What is created has a name that follows from what it is for, so a creation
whose answer was lost is simply repeated: that the name is taken then means that it worked.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ml_assets.errors import ClusterRefused, ClusterUnreachable

if TYPE_CHECKING:
    from kubernetes.client import ApiException, BatchV1Api, CoreV1Api, V1Job, V1Pod

RUN_LABEL = "dagster/run-id"
STEP_WORKERS = "app.kubernetes.io/component=step_worker"
TIMEOUT_SECONDS = (5, 30)  # to connect, to answer
REFUSALS = frozenset((400, 403, 404, 405, 413, 422))
LOG_LINES = 20

T = TypeVar("T")


@dataclass(frozen=True)
class Seen:
    """The Jobs of some runs' steps by their names, and the pods of each Job."""

    jobs: Mapping[str, V1Job]
    pods: Mapping[str, list[V1Pod]]


class Namespace:
    """Jobs and their pods in one namespace. The client's configuration must have been loaded.

    All methods raise ClusterUnreachable if it may work later, ClusterRefused if it will not.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._batch, self._core = clients()

    def create(self, job: V1Job) -> None:
        """Create a Job, unless it is there already."""
        name = job.metadata.name
        created = answered(
            lambda: self._batch.create_namespaced_job(self.name, job, _request_timeout=TIMEOUT_SECONDS), taken=None
        )
        if created is None:
            self._must_be_ours(name, job.metadata.labels[RUN_LABEL])

    def seen(self, runs: Iterable[str]) -> Seen:
        """What there is of the steps of some runs."""
        asked = f"{RUN_LABEL} in ({','.join(runs)}),{STEP_WORKERS}"
        options = {"label_selector": asked, "_request_timeout": TIMEOUT_SECONDS}
        jobs = answered(lambda: self._batch.list_namespaced_job(self.name, **options).items)
        pods: defaultdict[str, list[V1Pod]] = defaultdict(list)
        for pod in answered(lambda: self._core.list_namespaced_pod(self.name, **options).items):
            pods[(pod.metadata.labels or {}).get("job-name", "")].append(pod)
        return Seen({job.metadata.name: job for job in jobs}, pods)

    def delete(self, job: str) -> None:
        """Delete a Job and its pods, which are asked to end; nothing if it is gone."""
        answered(
            lambda: self._batch.delete_namespaced_job(
                job, self.name, propagation_policy="Background", _request_timeout=TIMEOUT_SECONDS
            ),
            gone=None,
        )

    def run_pod(self, run: str) -> V1Pod | None:
        """The pod that a run is running in; None where it runs outside of the cluster."""
        asked = f"{RUN_LABEL}={run},app.kubernetes.io/component=run_worker"
        pods = answered(
            lambda: (
                self._core.list_namespaced_pod(self.name, label_selector=asked, _request_timeout=TIMEOUT_SECONDS).items
            )
        )
        return next((pod for pod in pods if pod.status.phase == "Running"), None)

    def last_lines(self, pod: str) -> str:
        """The last lines that a pod printed; empty if it is gone or never began."""
        try:
            said = answered(
                lambda: (
                    self._core.read_namespaced_pod_log(
                        pod, self.name, tail_lines=LOG_LINES, _preload_content=False, _request_timeout=TIMEOUT_SECONDS
                    ).data
                )
            )
        except (ClusterUnreachable, ClusterRefused):
            return ""
        return bytes(said).decode(errors="replace").strip()

    def _must_be_ours(self, name: str, run: str) -> None:
        found = answered(
            lambda: self._batch.read_namespaced_job(name, self.name, _request_timeout=TIMEOUT_SECONDS), gone=None
        )
        if found is None or found.metadata.deletion_timestamp:
            raise ClusterUnreachable(f"Job {name} is being deleted; it can be created once it is gone.")
        if (found.metadata.labels or {}).get(RUN_LABEL) != run:
            raise ClusterRefused(
                f"There is a Job {name} of somebody else in {self.name}. Delete it: kubectl delete job {name}"
            )


def clients() -> tuple[BatchV1Api, CoreV1Api]:
    """The client's parts for Jobs and for pods, which try nothing twice: its own three tries would take four timeouts."""
    from dagster_k8s.client import PatchedApiClient
    from kubernetes.client import BatchV1Api, Configuration, CoreV1Api

    configuration = Configuration.get_default_copy()
    configuration.retries = False
    client = PatchedApiClient(configuration)
    return BatchV1Api(client), CoreV1Api(client)


_RAISE: Any = object()


def answered(call: Callable[[], T], *, taken: Any = _RAISE, gone: Any = _RAISE) -> T | Any:
    """What a call answers; ``taken`` if what it creates is there, ``gone`` if what it is about is not."""
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    try:
        return call()
    except HTTPError as fault:  # no answer
        raise ClusterUnreachable(f"The API of Kubernetes does not answer: {fault}") from fault
    except ApiException as fault:
        if taken is not _RAISE and fault.status == 409 and _said(fault).get("reason") == "AlreadyExists":
            return taken
        if gone is not _RAISE and fault.status == 404:
            return gone
        raise _error(fault) from fault


def _error(fault: ApiException) -> ClusterUnreachable | ClusterRefused:
    message = _said(fault).get("message") or fault.reason
    is_full = "exceeded quota" in str(message)  # a 403, until something of the namespace has ended
    if fault.status in REFUSALS and not is_full:
        return ClusterRefused(
            f"Kubernetes refused ({fault.status}): {message}. Mend what is asked for or the service account's permissions."
        )
    return ClusterUnreachable(f"The API of Kubernetes answered {fault.status}: {message}")


def _said(fault: ApiException) -> dict[str, Any]:
    try:
        said = json.loads(fault.body or "{}")
    except ValueError:  # a proxy's page
        return {}
    return said if isinstance(said, dict) else {}
