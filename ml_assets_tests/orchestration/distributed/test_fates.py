from __future__ import annotations

import pytest
from kubernetes.client import V1Pod

from ml_assets.orchestration.distributed.fates import fate_of
from ml_assets_tests.doubles.kubernetes_objects import exited, pod

RUNNING = pod("Running", {"running": {}})
PREEMPTED = [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]
FATES = [
    ("out of memory", [RUNNING, pod("Failed", exited(137, "OOMKilled"))], "OOMKilled"),
    ("killed", [RUNNING, pod("Failed", exited(137))], "was killed (exit code 137)"),
    ("evicted", [RUNNING, pod("Failed", reason="Evicted")], "Evicted"),
    ("preempted", [RUNNING, pod("Failed", conditions=PREEMPTED)], "PreemptionByScheduler"),
    ("about to be preempted", [RUNNING, pod("Running", conditions=PREEMPTED)], "PreemptionByScheduler"),
    ("deleted", [RUNNING], "1 of its 2 pods are gone"),
]


@pytest.mark.parametrize(("pods", "words"), [fate[1:] for fate in FATES], ids=[fate[0] for fate in FATES])
def test_what_the_cluster_did_to_a_pod_is_said(pods: list[V1Pod], words: str):
    assert words in fate_of(pods, 2)


@pytest.mark.parametrize(
    "pods",
    [
        [RUNNING, RUNNING],
        [RUNNING, pod("Failed", exited(1))],
        [pod("Failed", exited(143)), pod("Failed", exited(1))],
        [pod("Succeeded", exited(0, "Completed")), RUNNING],
    ],
)
def test_what_a_training_did_itself_is_not_blamed_on_the_cluster(pods: list[V1Pod]):
    assert fate_of(pods, 2) == ""
