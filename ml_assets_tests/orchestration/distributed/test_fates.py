from __future__ import annotations

from typing import Any

import pytest

from ml_assets.orchestration.distributed.fates import fate_of


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "train-0"}, "status": status}


def ended(code: int, reason: str) -> dict[str, Any]:
    return pod(phase="Failed", containerStatuses=[{"state": {"terminated": {"exitCode": code, "reason": reason}}}])


RUNNING = pod(phase="Running", containerStatuses=[{"state": {"running": {}}}])
FATES = [
    ("out of memory", [RUNNING, ended(137, "OOMKilled")], "OOMKilled"),
    ("killed", [RUNNING, ended(137, "Error")], "SIGKILL"),
    ("evicted", [RUNNING, pod(phase="Failed", reason="Evicted")], "Evicted"),
    (
        "preempted",
        [RUNNING, pod(phase="Failed", conditions=[{"type": "DisruptionTarget", "reason": "PreemptionByScheduler"}])],
        "PreemptionByScheduler",
    ),
    ("deleted", [RUNNING], "1 of its 2 pods are gone"),
]


@pytest.mark.parametrize(("pods", "words"), [fate[1:] for fate in FATES], ids=[fate[0] for fate in FATES])
def test_what_the_cluster_did_to_a_pod_is_said(pods: list[dict[str, Any]], words: str):
    assert words in fate_of(pods, 2)


@pytest.mark.parametrize("pods", [[RUNNING, RUNNING], [RUNNING, ended(1, "Error")], [ended(0, "Completed"), RUNNING]])
def test_what_a_training_did_itself_is_not_blamed_on_the_cluster(pods: list[dict[str, Any]]):
    assert fate_of(pods, 2) == ""
