"""Jobs and pods as the client of Kubernetes gives them, in whatever state."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kubernetes.client import V1Job, V1Pod
from kubernetes.client.api_client import ApiClient

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def job(**status: Any) -> V1Job:
    return made({"metadata": {"name": "job"}, "spec": {"template": {}}, "status": status}, V1Job)


def pod(phase: str, state: dict[str, Any] | None = None, going: datetime | None = None, **said: Any) -> V1Pod:
    meta: dict[str, Any] = {"name": "pod", "creationTimestamp": NOW.isoformat()}
    if going:
        meta["deletionTimestamp"] = going.isoformat()
    spec = {"nodeName": "node-7", "containers": [{"name": "dagster", "resources": {"limits": {"memory": "4Gi"}}}]}
    return made(
        {"metadata": meta, "spec": spec, "status": {"phase": phase, "containerStatuses": [status(state)], **said}},
        V1Pod,
    )


def status(state: dict[str, Any] | None) -> dict[str, Any]:
    return {"name": "dagster", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state or {}}


def made(plain: dict[str, Any], kind: type) -> Any:
    return ApiClient()._ApiClient__deserialize(plain, kind)


def exited(code: int, reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason}}
