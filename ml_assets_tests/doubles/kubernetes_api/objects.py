"""What there is in the cluster. One lock; every change is an event that watchers and controllers wake up for."""

from __future__ import annotations

import copy
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

KINDS = {
    "pods": "Pod",
    "configmaps": "ConfigMap",
    "secrets": "Secret",
    "events": "Event",
    "services": "Service",
    "serviceaccounts": "ServiceAccount",
    "namespaces": "Namespace",
    "jobs": "Job",
}
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")
KEPT_EVENTS = 5_000

Object = dict[str, Any]


class Key(NamedTuple):
    resource: str
    namespace: str
    name: str


class Event(NamedTuple):
    version: int
    type: str  # ADDED, MODIFIED, DELETED
    key: Key
    object: Object


class ApiError(Exception):
    """Answered as a ``Status``."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
        self.body |= {"message": message, "metadata": {}}


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Objects:
    """Attributes:
    on_created: called, with the lock held, for every new object.
    on_deleting: called for a pod that is to go; True if its processes must end first.
    """

    lock: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))
    all: dict[Key, Object] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    version: int = 1
    on_created: Callable[[Key, Object], None] = lambda key, made: None
    on_deleting: Callable[[Key, Object, int], bool] = lambda key, pod, grace: False

    def get(self, key: Key) -> Object:
        if key not in self.all:
            raise ApiError(404, "NotFound", f'{key.resource} "{key.name}" not found')
        return self.all[key]

    def create(self, resource: str, namespace: str, asked: Object) -> Object:
        with self.lock:
            made, kind = copy.deepcopy(asked), KINDS[resource]
            meta = made.setdefault("metadata", {})
            meta.setdefault("name", meta.get("generateName", "") + uuid.uuid4().hex[:5])
            _refuse_invalid(kind, made)
            key = Key(resource, namespace, meta["name"])
            if key in self.all:
                raise ApiError(409, "AlreadyExists", f'{resource} "{key.name}" already exists')
            made |= {"kind": kind, "apiVersion": "batch/v1" if resource == "jobs" else "v1"}
            meta |= {"namespace": namespace, "uid": str(uuid.uuid4()), "creationTimestamp": now()}
            self.all[key] = made
            self.on_created(key, made)
            self._tell("ADDED", key)
            return copy.deepcopy(made)

    def replace(self, key: Key, changed: Object) -> Object:
        with self.lock:
            self.all[key] = changed
            self._tell("MODIFIED", key)
            return copy.deepcopy(changed)

    def set_status(self, key: Key, uid: str, **status: Any) -> None:
        with self.lock:
            found = self.all.get(key)
            if found and found["metadata"]["uid"] == uid:
                found["status"] = {**found.get("status", {}), **status}
                self._tell("MODIFIED", key)

    def delete(self, key: Key, *, grace: int | None = None, policy: str = "") -> Object:
        """Jobs leave their pods behind unless a policy is given, as in batch/v1."""
        with self.lock:
            found = self.get(key)
            if key.resource == "pods" and not self._is_gone_at_once(key, found, grace):
                return copy.deepcopy(found)
            del self.all[key]
            self._tell("DELETED", key, found)
            if (policy or ("Orphan" if key.resource == "jobs" else "Background")) != "Orphan":
                for other in [k for k, obj in self.all.items() if found["metadata"]["uid"] in owners(obj)]:
                    self.delete(other, policy="Background")
            return copy.deepcopy(found)

    def forget(self, key: Key, uid: str) -> None:
        """Remove a pod whose processes have ended."""
        with self.lock:
            found = self.all.get(key)
            if found and found["metadata"]["uid"] == uid:
                del self.all[key]
                self._tell("DELETED", key, found)

    def of(self, resource: str, namespace: str | None = None) -> list[Object]:
        return [obj for k, obj in self.all.items() if k.resource == resource and namespace in (None, k.namespace)]

    def is_going(self, key: Key, uid: str) -> bool:
        found = self.all.get(key)
        return not found or found["metadata"]["uid"] != uid or "deletionTimestamp" in found["metadata"]

    def _is_gone_at_once(self, key: Key, pod: Object, grace: int | None) -> bool:
        meta = pod["metadata"]
        if "deletionTimestamp" in meta:
            return False
        seconds = pod["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
        if not self.on_deleting(key, pod, seconds):
            return True
        meta |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": seconds}
        self._tell("MODIFIED", key)
        return False

    def _tell(self, what: str, key: Key, changed: Object | None = None) -> None:
        changed = changed or self.all[key]
        self.version += 1
        changed["metadata"]["resourceVersion"] = str(self.version)
        self.events.append(Event(self.version, what, key, copy.deepcopy(changed)))
        del self.events[:-KEPT_EVENTS]
        self.lock.notify_all()


def owners(found: Object) -> set[str]:
    return {owner["uid"] for owner in found["metadata"].get("ownerReferences") or ()}


def _refuse_invalid(kind: str, asked: Object) -> None:
    for fault in _faults(kind, asked):
        raise ApiError(422, "Invalid", f'{kind} "{asked["metadata"]["name"]}" is invalid: {fault}')


def _faults(kind: str, asked: Object) -> list[str]:
    template = asked["spec"]["template"] if kind == "Job" else asked
    name = asked["metadata"]["name"]
    faults = [] if NAME.match(name) and len(name) <= (63 if kind == "Job" else 253) else ["metadata.name"]
    for labelled in (asked, template):
        labels = labelled.get("metadata", {}).get("labels") or {}
        faults += [f"labels: {label}" for label, value in labels.items() if len(value) > 63 or not LABEL.match(value)]
    return faults + (_pod_faults(template.get("spec") or {}) if kind in ("Job", "Pod") else [])


def _pod_faults(spec: Object) -> list[str]:
    volumes = {volume["name"] for volume in spec.get("volumes") or ()}
    containers = spec.get("containers") or []
    faults = [] if containers else ["spec.containers: Required value"]
    faults += [] if spec.get("restartPolicy") == "Never" else ["restartPolicy: this double restarts nothing"]
    faults += ["image: Required value" for container in containers if not container.get("image")]
    sidecars = spec.get("initContainers") or []
    faults += [
        "initContainers: this double has sidecars only" for one in sidecars if one.get("restartPolicy") != "Always"
    ]
    for container in (*sidecars, *containers):
        mounts = container.get("volumeMounts") or ()
        faults += [f"volumeMounts: {m['name']}" for m in mounts if m["name"] not in volumes]
    return faults
