"""The Job controller: makes pods for a Job, replaces those that failed as far as it may, and says how the Job ended."""

from __future__ import annotations

import copy
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ml_assets_tests.doubles.kubernetes_api.objects import Key, Object, Objects, now

INDEX = "batch.kubernetes.io/job-completion-index"


@dataclass
class JobController:
    """One Job.

    Attributes:
        made: the index of each pod that was made, by its uid.
    """

    objects: Objects
    key: Key
    uid: str
    made: dict[str, int] = field(default_factory=dict)

    def run(self) -> None:
        """Until the Job has ended or is gone."""
        with self.objects.lock:
            while not self.objects.is_going(self.key, self.uid):
                if self._reconciled(self.objects.get(self.key)):
                    return
                self.objects.lock.wait(0.5)

    def _reconciled(self, job: Object) -> bool:
        spec, phases = job["spec"], self._phases()
        counted = Counter(phases.values())
        done = {self.made[uid] for uid, phase in phases.items() if phase == "Succeeded"}
        active = counted["Pending"] + counted["Running"]
        status = {"startTime": job["status"].get("startTime") or now(), "active": active, "succeeded": len(done)}
        status["failed"] = counted["Failed"]
        status = {name: value for name, value in status.items() if value}
        wanted = spec.get("completions", 1)
        if len(done) >= wanted:
            status |= {"completionTime": now(), "conditions": _condition("Complete", "CompletionsReached")}
        elif counted["Failed"] > spec.get("backoffLimit", 6):
            self._stop_the_others()
            if not active:
                status["conditions"] = _condition("Failed", "BackoffLimitExceeded")
        elif not spec.get("suspend"):
            self._make(job, missing=set(range(wanted)) - done - self._under_way(phases))
        if status != job["status"]:
            job["status"] = status
            self.objects.replace(self.key, job)
        return "conditions" in status

    def _phases(self) -> dict[str, str]:
        """Of every pod that was made; one that is gone without having succeeded has failed."""
        there = {pod["metadata"]["uid"]: pod["status"]["phase"] for pod in self._pods()}
        return {uid: there.get(uid, "Failed") for uid in self.made}

    def _pods(self) -> list[Object]:
        return [pod for pod in self.objects.of("pods", self.key.namespace) if pod["metadata"]["uid"] in self.made]

    def _under_way(self, phases: dict[str, str]) -> set[int]:
        return {self.made[uid] for uid, phase in phases.items() if phase in ("Pending", "Running")}

    def _stop_the_others(self) -> None:
        for pod in self._pods():
            if pod["status"]["phase"] in ("Pending", "Running"):
                self.objects.delete(Key("pods", self.key.namespace, pod["metadata"]["name"]))

    def _make(self, job: Object, missing: set[int]) -> None:
        for index in sorted(missing):
            pod = self.objects.create("pods", self.key.namespace, self._pod(job, index))
            self.made[pod["metadata"]["uid"]] = index

    def _pod(self, job: Object, index: int) -> Object:
        template = copy.deepcopy(job["spec"]["template"])
        meta = template.setdefault("metadata", {})
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": self.key.name, "uid": self.uid, "controller": True}
        labels = {"job-name": self.key.name, "batch.kubernetes.io/job-name": self.key.name, "controller-uid": self.uid}
        meta["labels"] = {**(meta.get("labels") or {}), **labels}
        stem = f"{self.key.name[:55]}-{index}" if _is_indexed(job) else self.key.name[:57]
        meta |= {"name": f"{stem}-{uuid.uuid4().hex[:5]}", "ownerReferences": [owner]}
        if _is_indexed(job):
            _give_index(template, self.key.name, index)
        return template


def _give_index(template: Object, job: str, index: int) -> None:
    meta, spec = template["metadata"], template["spec"]
    meta["labels"][INDEX] = str(index)
    meta["annotations"] = {**(meta.get("annotations") or {}), INDEX: str(index)}
    spec["hostname"] = f"{job}-{index}"
    for container in spec["containers"]:
        container["env"] = [*(container.get("env") or ()), {"name": "JOB_COMPLETION_INDEX", "value": str(index)}]


def _is_indexed(job: Object) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def _condition(kind: str, reason: str) -> list[dict[str, Any]]:
    return [{"type": kind, "status": "True", "reason": reason, "lastTransitionTime": now()}]
