"""What became of the pods of a training, as one sentence. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ml_assets.orchestration.cluster.endings import ending_of, was_asked_to_end
from ml_assets.orchestration.retries import Cause

if TYPE_CHECKING:
    from kubernetes.client import V1Pod


def fate_of(pods: Sequence[V1Pod], nodes: int) -> str:
    """How the cluster ended one of the pods; empty if none was ended by it.

    Args:
        pods: those that are there.
        nodes: how many there were.
    """
    endings = [ending_of(pod) for pod in pods if not was_asked_to_end(pod)]
    said = next((ending.what for ending in endings if ending and ending.cause is Cause.MACHINE), "")
    gone = nodes - len(pods)
    return said or (f"{gone} of its {nodes} pods are gone." if gone > 0 else "")
