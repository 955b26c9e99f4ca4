"""The cluster as a test sees it: where it listens, what is in it, and what goes wrong."""

from __future__ import annotations

import copy
import json
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_assets_tests.doubles.kubernetes_api.containers import Image
from ml_assets_tests.doubles.kubernetes_api.jobs import JobController
from ml_assets_tests.doubles.kubernetes_api.kubelet import Kubelet
from ml_assets_tests.doubles.kubernetes_api.objects import Key, Object, Objects, now
from ml_assets_tests.doubles.kubernetes_api.server import Fault, Server

NAMESPACE = "default"


@dataclass
class Api:
    """Attributes:
    created: every object that was ever created, as the API took it.
    """

    url: str
    kubeconfig: Path
    objects: Objects
    kubelet: Kubelet
    faults: list[Fault]
    created: list[Object] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def jobs(self, **labels: str) -> list[Object]:
        """The Jobs that were ever created, oldest first; labels with ``_`` for ``-``, e.g. ``op="tiny__model"``."""
        wanted = {f"dagster/{name.replace('_', '-')}": value for name, value in labels.items()}
        return [made for made in self.created if made["kind"] == "Job" and wanted.items() <= _labels(made).items()]

    def pods(self, **labels: str) -> list[Object]:
        """The pods that are there now."""
        wanted = {f"dagster/{name.replace('_', '-')}": value for name, value in labels.items()}
        with self.objects.lock:
            return [copy.deepcopy(pod) for pod in self.objects.of("pods") if wanted.items() <= _labels(pod).items()]

    def log(self, pod: Object) -> str:
        """What a pod printed."""
        uid = pod["metadata"]["uid"]
        return "".join(line.decode() for key, lines in self.kubelet.logs.items() if key[0] == uid for _, line in lines)

    def kill(self, pod: Object, reason: str = "") -> None:
        """SIGKILL, as by the kernel; ``OOMKilled`` if that is the reason."""
        uid = pod["metadata"]["uid"]
        if reason:
            self.kubelet.why[uid] = reason
        self.kubelet.signal(uid, signal.SIGKILL)

    def evict(self, pod: Object) -> None:
        """As a node under pressure, or one that is taken away, does: the pod stays, failed."""
        meta = pod["metadata"]
        self.kubelet.why[meta["uid"]] = "Evicted"
        condition = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}
        condition["message"] = "The node was low on resource: memory."
        key = Key("pods", meta["namespace"], meta["name"])
        self.objects.set_status(key, meta["uid"], conditions=[{**condition, "lastTransitionTime": now()}])
        self._start(self.kubelet.stop, meta["uid"], 5)

    def delete_pod(self, pod: Object) -> None:
        """As ``kubectl delete pod``."""
        self.objects.delete(Key("pods", pod["metadata"]["namespace"], pod["metadata"]["name"]))

    def delete_job(self, job: Object) -> None:
        """As ``kubectl delete job``: with its pods."""
        key = Key("jobs", job["metadata"]["namespace"], job["metadata"]["name"])
        self.objects.delete(key, policy="Background")

    def fail(self, request: str, status: int, *, times: int = 1, after: bool = False) -> None:
        """Fail the next requests that begin so (``POST /apis/batch``); ``after`` the work was done; 0 resets the connection."""
        self.faults.append(Fault(request, status, times, after))

    def _created(self, key: Key, made: Object) -> None:
        if key.resource == "jobs":
            made["status"] = {}
            self._start(JobController(self.objects, key, made["metadata"]["uid"]).run)
        if key.resource == "pods":
            made["status"] = {"phase": "Pending", "startTime": now()}
            self._start(self.kubelet.run, key, made["metadata"]["uid"])
        self.created.append(copy.deepcopy(made))

    def _deleting(self, key: Key, pod: Object, grace: int) -> bool:
        uid = pod["metadata"]["uid"]
        if not self.kubelet.processes.get(uid):
            return False
        self._start(self.kubelet.stop, uid, grace)
        return True

    def _start(self, what: Any, *args: Any) -> None:
        thread = threading.Thread(target=what, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Nothing of it goes on."""
        with self.objects.lock:
            self.objects.all.clear()  # controllers and containers that wait see that their objects are gone
            self.objects.lock.notify_all()
        for uid in list(self.kubelet.processes):
            self.kubelet.signal(uid, signal.SIGKILL)
        for thread in self.threads:
            thread.join(10)


@contextmanager
def served(folder: Path, images: Mapping[str, Image]) -> Iterator[Api]:
    """A cluster that knows these images, and a kubeconfig for it in ``folder``. Its pods end with it."""
    objects, faults = Objects(), []
    kubelet = Kubelet(objects, images)
    server = Server(objects, kubelet, faults)
    kubeconfig = folder / "kubeconfig.yaml"
    kubeconfig.write_text(json.dumps(_kubeconfig(server.url)))
    api = Api(server.url, kubeconfig, objects, kubelet, faults)
    objects.on_created, objects.on_deleting = api._created, api._deleting
    try:
        with server.running():
            yield api
    finally:
        api.close()


def _labels(found: Object) -> dict[str, str]:
    return found["metadata"].get("labels") or {}


def _kubeconfig(url: str) -> dict[str, Any]:
    context = {"cluster": "double", "user": "double", "namespace": NAMESPACE}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "double",
        "clusters": [{"name": "double", "cluster": {"server": url}}],
        "users": [{"name": "double", "user": {"token": "none"}}],
        "contexts": [{"name": "double", "context": context}],
    }
