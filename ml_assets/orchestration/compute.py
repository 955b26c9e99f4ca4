"""``Compute`` as dagster-k8s configuration: what a training's pod asks its cluster for. Pure.

It travels as op tags of the step, so that the pod gets the same however the run was launched: tags of a run or a job are lost
when somebody clicks *Materialize* (DAGSTER: #26720, #33430), and the run's own pod stays small.

A command's image is that of a second container of the pod, which somebody else may have built: see ``commands/beside.py``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ml_assets.commands import beside
from ml_assets.problem import Compute

K8S_TAG = "dagster-k8s/config"
COMPUTE_TAG = "ml_assets/compute"
"""Tag of ops that get a pod of their own on a cluster: their ``Compute`` as JSON."""

GRACE_SECONDS = 90
"""From SIGTERM to SIGKILL: enough to finish a step and save. (Clouds that take a machine back may give less.)"""

SPOT_LABELS = (
    ("cloud.google.com/gke-spot", "true"),
    ("eks.amazonaws.com/capacityType", "SPOT"),
    ("karpenter.sh/capacity-type", "spot"),
    ("kubernetes.azure.com/scalesetpriority", "spot"),
)
"""How the clouds mark machines that can be taken away; Google's and Azure's are tainted with it too."""

UNDISTURBED = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
}
"""Autoscalers leave machines alone on which it runs: moving it to save a machine costs more than it saves."""

COORDINATOR = Compute(cpus=1, memory_gib=2)
"""What the step of a training on several machines needs itself: it starts their pods and waits."""

BESIDE, SHARED, COMMAND = "beside", "/mnt/ml_assets", "command"
"""The volume that the container of a command has with that of its step, where it is, and the container's name."""

NO_TOKEN = {"name": BESIDE, "mount_path": "/var/run/secrets/kubernetes.io/serviceaccount", "sub_path": "no-token"}
"""Where something is mounted, Kubernetes puts no credentials for its API: the image is somebody else's."""

RESTRICTED = {"allow_privilege_escalation": False, "capabilities": {"drop": ["ALL"]}}
"""What namespaces of the level *restricted* ask of each container, beside what the pod says of its user."""


def op_tags(compute: Compute | None, image: str = "", *, computes_here: bool = False) -> dict[str, Any]:
    """The op tags of a step that gets a pod of its own; none where nothing says what it needs.

    Args:
        image: that of its commands; empty: it has none with an image.
        computes_here: whether what needs ``compute`` is not such a command.
    """
    if compute is None and not image:
        return {}
    needed = compute or Compute()
    config = step_config(needed)
    with_image = with_beside(config, image, needed, computes_here=computes_here) if image else config
    return {K8S_TAG: with_image, COMPUTE_TAG: json.dumps(asdict(needed))}


def without_gpus(compute: Compute | None) -> Compute:
    """What a step gets beside the training: one machine with processor and memory of it."""
    return replace(compute or Compute(), gpus=0, gpu_type="", nodes=1)


def compute_of(tags: Mapping[str, str]) -> Compute | None:
    """What ``op_tags`` wrote; None for a step that runs in the run's own pod."""
    written = tags.get(COMPUTE_TAG)
    return Compute(**json.loads(written)) if written else None


def step_config(compute: Compute) -> dict[str, Any]:
    """Of the step's own pod: one that trains on one machine, or starts those of several."""
    return k8s_config(compute if compute.nodes == 1 else COORDINATOR)


def with_beside(config: Mapping[str, Any], image: str, compute: Compute, *, computes_here: bool) -> dict[str, Any]:
    """The same with a container of this image beside that of the step, for as long as the step takes."""
    container, spec = config["container_config"], config["pod_spec_config"]
    own, small = container["resources"], _beside_resources(compute)
    mounts = [*container.get("volume_mounts", ()), {"name": BESIDE, "mount_path": SHARED}]
    told = {"ML_ASSETS_BESIDE": SHARED, "ML_ASSETS_BESIDE_IMAGE": image}
    return {
        **config,
        "container_config": {
            **container,
            "resources": own if computes_here else small,
            "env": [*container["env"], *({"name": name, "value": value} for name, value in told.items())],
            "volume_mounts": mounts,
        },
        "pod_spec_config": {
            **spec,
            "volumes": [*spec.get("volumes", ()), {"name": BESIDE, "empty_dir": {}}],
            "init_containers": [_beside(image, small if computes_here else own, mounts)],
        },
    }


def _beside(image: str, resources: Mapping[str, Any], mounts: list[dict[str, Any]]) -> dict[str, Any]:
    """A container that is there before the step's, and ends after it: what Kubernetes calls a sidecar."""
    return {
        "name": COMMAND,
        "image": image,
        "restart_policy": "Always",
        "command": ["sh", "-c", beside.script().replace("$", "$$"), "sh", SHARED],  # Kubernetes reads $$ as $
        "resources": resources,
        "volume_mounts": [*mounts, NO_TOKEN],
        "security_context": RESTRICTED,
    }


def _beside_resources(compute: Compute) -> dict[str, dict[str, str]]:
    """Of the container that waits while the other one computes; it may have as much memory, as they take turns."""
    asked, most = COORDINATOR, max(COORDINATOR.memory_gib, compute.memory_gib)
    return {**_resources(asked), "limits": {"memory": _gib(most)}}


def k8s_config(compute: Compute) -> dict[str, Any]:
    """Of the pod of each node, in the form of ``dagster-k8s/config``.

    No limit of processor time: one would be paused in the middle of each period. Threads are as many as were asked for, whatever
    the machine has.
    """
    return {
        "container_config": {
            "resources": _resources(compute),
            "env": [{"name": "OMP_NUM_THREADS", "value": str(compute.threads)}],
            **_only("volume_mounts", [{"name": "shared-memory", "mount_path": "/dev/shm"}] * _shares(compute)),  # noqa: S108
        },
        "pod_spec_config": {
            "restart_policy": "Never",
            "termination_grace_period_seconds": GRACE_SECONDS,
            **_only("node_selector", {"nvidia.com/gpu.product": compute.gpu_type} if compute.gpu_type else {}),
            **_only("tolerations", _tolerations(compute)),
            **_only("affinity", _prefers_spot() if compute.spot else {}),
            **_only("volumes", [_shared_memory(compute)] * _shares(compute)),
        },
        "pod_template_spec_metadata": {"annotations": UNDISTURBED},
        "job_spec_config": {"backoff_limit": 0},  # a second pod of a Job would be a second training: retries are ours
        **_only("job_metadata", {"labels": {"kueue.x-k8s.io/queue-name": compute.queue}} if compute.queue else {}),
    }


def _resources(compute: Compute) -> dict[str, dict[str, str]]:
    both = {"memory": _gib(compute.memory_gib)}
    if compute.disk_gib:
        both["ephemeral-storage"] = _gib(compute.disk_gib)
    gpus = {"nvidia.com/gpu": str(compute.gpus)} if compute.gpus else {}
    return {"requests": {"cpu": f"{math.ceil(compute.cpus * 1000)}m", **both, **gpus}, "limits": {**both, **gpus}}


def _tolerations(compute: Compute) -> list[dict[str, str]]:
    gpu = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}] if compute.gpus else []
    spot = [
        {"key": key, "operator": "Equal", "value": value, "effect": "NoSchedule"}
        for key, value in SPOT_LABELS
        if compute.spot
    ]
    return gpu + spot


def _prefers_spot() -> dict[str, Any]:
    """Spot machines first; where there are none, any: each term is of one cloud, so none may be required."""
    return {
        "node_affinity": {
            "preferred_during_scheduling_ignored_during_execution": [
                {
                    "weight": 100,
                    "preference": {"match_expressions": [{"key": key, "operator": "In", "values": [value]}]},
                }
                for key, value in SPOT_LABELS
            ]
        }
    }


def _shared_memory(compute: Compute) -> dict[str, Any]:
    return {
        "name": "shared-memory",
        "empty_dir": {"medium": "Memory", "size_limit": _gib(compute.shared_memory_gib)},
    }


def _shares(compute: Compute) -> bool:
    return compute.shared_memory_gib > 0


def _only(key: str, value: Any) -> dict[str, Any]:
    """Nothing is said of what is empty."""
    return {key: value} if value else {}


def _gib(amount: float) -> str:
    return f"{math.ceil(amount * 1024)}Mi"
