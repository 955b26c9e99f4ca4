"""What the cluster says of a training's Job and pod, as a sentence and a cause. Pure: the objects are given.

That a pod is over says nothing of its step: if it ended well, the event log has said so before.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ml_assets.orchestration.retries import Cause

if TYPE_CHECKING:
    from kubernetes.client import V1ContainerStateTerminated, V1Job, V1Pod

ASKED = 128 + signal.SIGTERM
KILLED = frozenset((128 + signal.SIGKILL, ASKED))
"""Exit codes of SIGKILL and SIGTERM: by the kernel, the kubelet or somebody else, never by the training itself."""

STUCK = frozenset(
    (
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "CrashLoopBackOff",  # of the container of a command: the others are not started again
    )
)
"""Reasons for which a pod waits that hardly pass by themselves."""

DEAF_AFTER = timedelta(seconds=60)
"""How long after its grace a pod that is to go may stay: its machine does not answer any more."""


@dataclass(frozen=True)
class Ending:
    """How a pod came to its end.

    Attributes:
        what: happened, e.g. ``Pod x was OOMKilled (exit code 137)``.
        pod: whose last lines may say more; empty if it is gone.
    """

    cause: Cause
    what: str
    pod: str = ""


@dataclass(frozen=True)
class Waiting:
    """A pod that has not begun.

    Attributes:
        is_stuck: whether it waits for what hardly comes by itself.
    """

    why: str
    is_stuck: bool = False


def state_of(job: V1Job | None, pods: Sequence[V1Pod], now: datetime) -> Ending | Waiting | None:
    """How the pod of a Job ended, or what it waits for; None while it runs."""
    if job is None:
        return Ending(Cause.MACHINE, "Its Job is gone from the cluster: somebody deleted it.")
    if not pods:
        return _without_pod(job)
    pod = max(pods, key=lambda pod: pod.metadata.creation_timestamp)
    if pod.status.phase == "Failed":
        return ending_of(pod)
    if pod.status.phase == "Succeeded":
        return Ending(Cause.MACHINE, f"{_named(pod)} ended and its last report is missing.", pod.metadata.name)
    going = pod.metadata.deletion_timestamp
    if going and now > going + DEAF_AFTER:
        return Ending(Cause.MACHINE, f"{_named(pod)} was to go and its machine {pod.spec.node_name} does not answer.")
    return _waiting(pod) if pod.status.phase == "Pending" else None


def _without_pod(job: V1Job) -> Ending | Waiting:
    if job.status.failed or job.status.succeeded:
        return Ending(Cause.MACHINE, "Its pod is gone: it was deleted or preempted, or its machine was lost.")
    if job.spec.suspend:
        return Waiting(f"Job {job.metadata.name} is queued: it begins when its queue admits it.")
    name = job.metadata.name
    return Waiting(
        f"Job {name} has no pod yet. If that lasts, kubectl describe job {name} says what the cluster refuses."
    )


def ending_of(pod: V1Pod) -> Ending | None:
    """How a pod came to its end, if it failed or is being taken away."""
    disrupted = _condition(pod, "DisruptionTarget")
    if any(disrupted) or pod.status.reason:
        reason = pod.status.reason or disrupted[0]
        message = pod.status.message or disrupted[1]
        what = f"{_named(pod)} was taken away ({reason}): {message}".rstrip(": .")
        return Ending(Cause.MACHINE, f"{what}.", pod.metadata.name)
    if pod.status.phase != "Failed":
        return None
    ended = _terminated(pod)
    if ended is None:
        return Ending(Cause.MACHINE, f"{_named(pod)} failed before it began.", pod.metadata.name)
    return _exited(pod, ended)


def was_asked_to_end(pod: V1Pod) -> bool:
    """Whether SIGTERM is all that ended a pod: a Job sends it to the others when one of its pods fails."""
    ended = _terminated(pod)
    return ended is not None and ended.exit_code == ASKED


def _exited(pod: V1Pod, ended: V1ContainerStateTerminated) -> Ending:
    code = f"exit code {ended.exit_code}"
    if ended.reason == "OOMKilled":
        limits = pod.spec.containers[0].resources.limits or {}
        why = f"{_named(pod)} ran out of memory (OOMKilled, {code}): it has {limits.get('memory', 'no limit')}. "
        return Ending(Cause.MACHINE, f"{why}If that repeats itself, raise compute.memory_gib.", pod.metadata.name)
    if ended.exit_code in KILLED:
        return Ending(Cause.MACHINE, f"{_named(pod)} was killed ({code}).", pod.metadata.name)
    why = f"{_named(pod)} ended without a word ({ended.reason}, {code})"
    return Ending(Cause.OWN, f"{why}: {ended.message}" if ended.message else f"{why}.", pod.metadata.name)


def _waiting(pod: V1Pod) -> Waiting:
    for status in (*(pod.status.init_container_statuses or ()), *(pod.status.container_statuses or ())):
        waits = status.state.waiting
        if waits and waits.reason in STUCK:
            return Waiting(f"{_named(pod)} cannot begin ({waits.reason}): {waits.message}", is_stuck=True)
    unscheduled = _condition(pod, "PodScheduled", status="False")
    return Waiting(
        f"{_named(pod)} waits for a machine: {unscheduled[1]}" if any(unscheduled) else f"{_named(pod)} starts."
    )


def _condition(pod: V1Pod, kind: str, status: str = "True") -> tuple[str, str]:
    found = (c for c in pod.status.conditions or () if c.type == kind and c.status == status)
    return next(((c.reason or "", c.message or "") for c in found), ("", ""))


def _terminated(pod: V1Pod) -> V1ContainerStateTerminated | None:
    ended = [status.state.terminated for status in pod.status.container_statuses or () if status.state.terminated]
    return next((one for one in ended if one.exit_code), ended[0] if ended else None)


def _named(pod: V1Pod) -> str:
    return f"Pod {pod.metadata.name}"
