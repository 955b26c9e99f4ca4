"""What the cluster says of a pod, as a cause and a sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ml_assets.orchestration.cluster.endings import Ending, Waiting, state_of
from ml_assets.orchestration.retries import Cause
from ml_assets_tests.doubles.kubernetes_objects import NOW, exited, job, pod, status

DISRUPTED = [
    {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "for another"}
]
OVER = [
    ("its Job is gone", None, [], Cause.MACHINE, "somebody deleted it"),
    ("its pod is gone", job(failed=1), [], Cause.MACHINE, "deleted or preempted"),
    ("out of memory", job(), [pod("Failed", exited(137, "OOMKilled"))], Cause.MACHINE, "compute.memory_gib"),
    ("killed", job(), [pod("Failed", exited(137))], Cause.MACHINE, "exit code 137"),
    ("asked to end", job(), [pod("Failed", exited(143))], Cause.MACHINE, "exit code 143"),
    ("preempted", job(), [pod("Failed", exited(1), conditions=DISRUPTED)], Cause.MACHINE, "PreemptionByScheduler"),
    (
        "evicted",
        job(),
        [pod("Failed", reason="Evicted", message="low on disk")],
        Cause.MACHINE,
        "Evicted): low on disk",
    ),
    ("never began", job(), [pod("Failed")], Cause.MACHINE, "before it began"),
    ("segmentation fault", job(), [pod("Failed", exited(139))], Cause.OWN, "exit code 139"),
    ("exited", job(), [pod("Failed", exited(1))], Cause.OWN, "without a word"),
    ("ended well in silence", job(), [pod("Succeeded", exited(0))], Cause.MACHINE, "last report is missing"),
    ("deaf machine", job(), [pod("Running", going=NOW - timedelta(minutes=5))], Cause.MACHINE, "node-7"),
]


@pytest.mark.parametrize(("found", "pods", "cause", "says"), [row[1:] for row in OVER], ids=[row[0] for row in OVER])
def test_a_pod_that_is_over_has_a_cause(found, pods, cause, says):
    state = state_of(found, pods, NOW)

    assert isinstance(state, Ending)
    assert state.cause is cause
    assert says in state.what


UNSCHEDULABLE = [
    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes have a GPU"}
]
PULLING = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
CREATING = {"waiting": {"reason": "PodInitializing"}}
NO_SHELL = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container=command"}}
BEFORE = [
    ("no pod yet", job(), [], False, "no pod yet"),
    ("no machine", job(), [pod("Pending", conditions=UNSCHEDULABLE)], False, "0/3 nodes have a GPU"),
    ("no image", job(), [pod("Pending", PULLING)], True, "ImagePullBackOff"),
    (
        "no image of a command",
        job(),
        [pod("Pending", CREATING, initContainerStatuses=[status(PULLING)])],
        True,
        "ImagePullBackOff",
    ),
    (
        "no shell in it",
        job(),
        [pod("Pending", CREATING, initContainerStatuses=[status(NO_SHELL)])],
        True,
        "CrashLoopBackOff",
    ),
    ("starting", job(), [pod("Pending", {"waiting": {"reason": "ContainerCreating"}})], False, "starts"),
]


@pytest.mark.parametrize(
    ("found", "pods", "stuck", "says"), [row[1:] for row in BEFORE], ids=[row[0] for row in BEFORE]
)
def test_a_pod_that_has_not_begun_waits_for_something(found, pods, stuck, says):
    state = state_of(found, pods, NOW)

    assert isinstance(state, Waiting)
    assert state.is_stuck is stuck
    assert says in state.why


def test_a_job_that_a_queue_holds_back_is_said_to_be_queued():
    held = job()
    held.spec.suspend = True

    assert "queue" in state_of(held, [], NOW).why


def test_a_pod_that_runs_or_is_about_to_go_is_not_over():
    assert state_of(job(active=1), [pod("Running", {"running": {}})], NOW) is None
    assert state_of(job(active=1), [pod("Running", going=NOW + timedelta(seconds=30))], NOW) is None
