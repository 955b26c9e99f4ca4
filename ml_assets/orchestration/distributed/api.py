"""What a training on several machines asks of Kubernetes. An API that is away for some minutes ends no training."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ml_assets.errors import ClusterRefused, ClusterUnreachable
from ml_assets.orchestration.cluster.api import TIMEOUT_SECONDS, answered, clients

if TYPE_CHECKING:
    from kubernetes.client import BatchV1Api, CoreV1Api, V1Pod

T = TypeVar("T")
PAUSES = (0.5, 1, 2, 4, 8, 15, 30, 30, 30, 30, 30)  # seconds between tries: three minutes


@dataclass(frozen=True)
class Api:
    """Pods, Jobs and services of one namespace.

    All methods raise ClusterUnreachable if it does not answer for minutes, ClusterRefused if it will not do it.
    """

    batch: BatchV1Api
    core: CoreV1Api
    namespace: str

    @classmethod
    def connected(cls, namespace: str) -> Api:
        """To the cluster that this pod is in, or that a kubeconfig names; its namespace too, unless one is given."""
        from kubernetes import config

        config.load_config()
        at = namespace or config.list_kube_config_contexts()[1]["context"].get("namespace", "default")
        return cls(*clients(), at)

    def pod(self, name: str) -> Any:
        """A pod, as the API spells it."""
        return as_json(_answer(self.core.read_namespaced_pod, name, self.namespace))

    def pods(self, labels: Mapping[str, str]) -> list[V1Pod]:
        """Pods with these labels."""
        found = _answer(self.core.list_namespaced_pod, self.namespace, label_selector=_selector(labels))
        return list(found.items)

    def jobs(self, labels: Mapping[str, str]) -> list[str]:
        """Names of Jobs with these labels."""
        found = _answer(self.batch.list_namespaced_job, self.namespace, label_selector=_selector(labels))
        return [one.metadata.name for one in found.items]

    def log(self, pod: V1Pod, **which: int) -> list[str]:
        """Lines of a pod's log, each with its time; none if there is none yet, or the pod is gone."""
        try:
            said = _answer(
                self.core.read_namespaced_pod_log,
                pod.metadata.name,
                self.namespace,
                timestamps=True,
                _preload_content=False,
                **which,
            )
        except ClusterRefused:  # a pod that waits to start has none
            return []
        return [line for line in said.data.decode(errors="replace").split("\n") if line]

    def has_ended(self, job: str) -> bool:
        """Whether a Job has succeeded or failed, or is gone."""
        found = _answer(self.batch.read_namespaced_job_status, job, self.namespace, gone=None)
        ends = found.status.conditions or () if found is not None else ()
        return found is None or any(one.type in ("Complete", "Failed") and one.status == "True" for one in ends)

    def create(self, service: dict[str, Any], job: dict[str, Any]) -> None:
        """Create both. Their names are new: what has one already is ours, and the answer was lost."""
        _answer(self.core.create_namespaced_service, self.namespace, service, taken=None)
        _answer(self.batch.create_namespaced_job, self.namespace, job, taken=None)

    def delete(self, name: str) -> None:
        """Delete a training's Job with its pods, which are asked to end, and its service; nothing if they are gone."""
        _answer(self.batch.delete_namespaced_job, name, self.namespace, propagation_policy="Background", gone=None)
        _answer(self.core.delete_namespaced_service, name, self.namespace, gone=None)


def spelled(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """``dagster-k8s/config`` as the API spells it; see ``Placed``."""
    from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict
    from kubernetes import client

    parts = {
        "container": ("container_config", client.V1Container),
        "pod": ("pod_spec_config", client.V1PodSpec),
        "template": ("pod_template_spec_metadata", client.V1ObjectMeta),
        "job": ("job_spec_config", client.V1JobSpec),
        "job_metadata": ("job_metadata", client.V1ObjectMeta),
    }
    required: dict[str, dict[str, Any]] = {
        "container": {"name": ""},
        "pod": {"containers": []},
        "job": {"template": {}},
    }
    found = {}
    for part, (key, model) in parts.items():
        told = k8s_snake_case_dict(model, {**required.get(part, {}), **config.get(key, {})})
        spelt = as_json(k8s_model_from_dict(model, told))
        found[part] = {name: value for name, value in spelt.items() if name not in required.get(part, {})}
    return found


def as_json(model: Any) -> Any:
    """An object of the client as the API has it."""
    from kubernetes.client import ApiClient

    return ApiClient().sanitize_for_serialization(model)


def _answer(call: Callable[..., T], *args: Any, **options: Any) -> Any:
    """What the API answers, once it does."""
    instead = {name: options.pop(name) for name in ("taken", "gone") if name in options}
    for pause in (*PAUSES, None):
        try:
            return answered(lambda: call(*args, _request_timeout=TIMEOUT_SECONDS, **options), **instead)
        except ClusterUnreachable:
            if pause is None:
                raise
            time.sleep(pause)
    return None


def _selector(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in labels.items())
