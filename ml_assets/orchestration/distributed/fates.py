"""What became of the pods of a training, as one sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

KILLED = 128 + 9  # the exit code of a process that SIGKILL ended
BY_MACHINE = ("OOMKilled", "Evicted", "Preempting", "NodeLost", "NodeShutdown", "Shutdown", "Terminated")


def fate_of(pods: Iterable[Mapping[str, Any]], nodes: int) -> str:
    """How the cluster ended one of the pods; empty if none was ended by it.

    Args:
        pods: those that are there, as the API gives them.
        nodes: how many there were.
    """
    there = list(pods)
    for pod in there:
        if reason := _reason(pod):
            return f"Pod {pod['metadata']['name']} was ended by the cluster: {reason}."
    return f"{nodes - len(there)} of its {nodes} pods are gone." if len(there) < nodes else ""


def _reason(pod: Mapping[str, Any]) -> str:
    status = pod.get("status", {})
    reasons = [status.get("reason", "")]
    reasons += [one.get("reason", "") for one in status.get("conditions", ()) if one.get("type") == "DisruptionTarget"]
    for container in status.get("containerStatuses", ()):
        ended = container.get("state", {}).get("terminated", {})
        reasons.append(ended.get("reason", ""))
        if ended.get("exitCode") == KILLED and ended.get("reason") not in BY_MACHINE:
            reasons.append("SIGKILL")
    named = [reason for reason in reasons if reason in BY_MACHINE or reason == "SIGKILL"]
    disrupted = [one for one in status.get("conditions", ()) if one.get("type") == "DisruptionTarget"]
    if disrupted and not named:
        return str(disrupted[0].get("reason") or "disrupted")
    return named[0] if named else ""
