"""Runs pods as processes, each in a session of its own, and keeps what they print.

Init containers are those that are always restarted, sidecars: there before the others begin, and asked to end after them.
An empty folder that is mounted is one of this machine: in arguments and variables it stands where the mount's path stood.
"""

from __future__ import annotations

import copy
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml_assets_tests.doubles.kubernetes_api.containers import Image, NotConfigured, command
from ml_assets_tests.doubles.kubernetes_api.objects import Key, Object, Objects, now

Process = Any  # subprocess.Popen, or what its image starts instead
TRIES_AGAIN_SECONDS = 0.2  # an image that cannot be pulled, a Secret that is not there
SIDECAR_ENDS_WITHIN_SECONDS = 10
MAIN, INIT = "containerStatuses", "initContainerStatuses"


@dataclass
class Group:
    """Containers of a pod that begin together: their statuses under that name, and their processes."""

    name: str
    containers: list[Object]
    folders: Mapping[str, Path]
    states: dict[str, Object] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.states = {one["name"]: _waiting(one, "ContainerCreating") for one in self.containers}

    @property
    def statuses(self) -> dict[str, list[Object]]:
        return {self.name: copy.deepcopy(list(self.states.values()))}


@dataclass
class Kubelet:
    """Attributes:
    processes: of the pods that run, by pod.
    logs: lines with their times, by pod and container.
    why: a reason that a pod's end is given (OOMKilled, Evicted), by pod.
    """

    objects: Objects
    images: Mapping[str, Image]
    processes: dict[str, list[Process]] = field(default_factory=dict)
    logs: dict[tuple[str, str], list[tuple[str, bytes]]] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)

    def run(self, key: Key, uid: str) -> None:
        """A pod, from its start to its end."""
        pod = copy.deepcopy(self.objects.get(key))
        with _empty_folders(pod["spec"]) as folders:
            beside = Group(INIT, pod["spec"].get("initContainers") or [], folders)
            main = Group(MAIN, pod["spec"]["containers"], folders)
            main.processes = self.processes.setdefault(uid, [])
            self.objects.set_status(key, uid, podIP="127.0.0.1", **beside.statuses, **main.statuses)
            sidecars = self._begun(key, uid, pod, beside)
            self._wait_until_they_run(key, uid, beside)
            for thread in self._begun(key, uid, pod, main):
                thread.join()
            _end(beside.processes)
            for thread in sidecars:
                thread.join()
        self._ended(key, uid, main)

    def _begun(self, key: Key, uid: str, pod: Object, group: Group) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=self._container, args=(key, uid, pod, one, group), daemon=True)
            for one in group.containers
        ]
        for thread in threads:
            thread.start()
        return threads

    def _wait_until_they_run(self, key: Key, uid: str, group: Group) -> None:
        with self.objects.lock:
            while not self.objects.is_going(key, uid) and len(group.processes) < len(group.containers):
                self.objects.lock.wait(TRIES_AGAIN_SECONDS)

    def signal(self, uid: str, number: int) -> None:
        """SIGTERM reaches a container's first process, SIGKILL all of them, as in a real one."""
        for process in self.processes.get(uid, ()):
            with suppress(ProcessLookupError):
                (os.killpg if number == signal.SIGKILL else os.kill)(process.pid, number)

    def stop(self, uid: str, grace: float) -> None:
        """As for a pod that is deleted: asked, and killed after its grace."""
        self.signal(uid, signal.SIGTERM)
        for process in list(self.processes.get(uid, ())):
            with suppress(subprocess.TimeoutExpired):
                process.wait(grace)
        self.signal(uid, signal.SIGKILL)

    def _container(self, key: Key, uid: str, pod: Object, container: Object, group: Group) -> None:
        name, states = container["name"], group.states
        process = self._started(key, uid, pod, container, group)
        if process is None:
            return
        states[name] |= {"ready": True, "state": {"running": {"startedAt": now()}}}
        self.objects.set_status(key, uid, **({"phase": "Running"} if group.name == MAIN else {}), **group.statuses)
        self._keep_log(uid, name, process)
        code = process.wait()
        states[name] |= {"ready": False, "state": {"terminated": self._termination(uid, code)}}
        self.objects.set_status(key, uid, **group.statuses)

    def _started(self, key: Key, uid: str, pod: Object, container: Object, group: Group) -> Process | None:
        """Its process, as soon as it has an image and all that it needs; None if the pod goes before."""
        name, states = container["name"], group.states
        while True:
            with self.objects.lock:
                if self.objects.is_going(key, uid):
                    return None
                try:
                    process = self._spawn(pod, container, group.folders)
                except NotConfigured as missing:
                    states[name] = _waiting(container, "CreateContainerConfigError", str(missing))
                except LookupError as missing:
                    states[name] = _waiting(container, "ErrImagePull", str(missing))
                except OSError as fault:
                    states[name]["state"] = {"terminated": {"exitCode": 128, "reason": "StartError"}}
                    states[name]["state"]["terminated"]["message"] = str(fault)
                    return None
                else:
                    group.processes.append(process)
                    return process
                self.objects.set_status(key, uid, **group.statuses)
                self.objects.lock.wait(TRIES_AGAIN_SECONDS)

    def _spawn(self, pod: Object, container: Object, folders: Mapping[str, Path]) -> Process:
        name = container["image"]
        if name not in self.images:
            raise LookupError(f'failed to pull image "{name}": not found')
        image = self.images[name]
        argv, env = command(pod, container, image, self.objects, folders)
        return image.start(
            argv,
            env=env,
            cwd=container.get("workingDir") or image.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _keep_log(self, uid: str, name: str, process: Process) -> None:
        """All that it prints, until its last process has closed its output."""
        assert process.stdout is not None
        log = self.logs.setdefault((uid, name), [])
        with process.stdout:
            for line in process.stdout:
                with self.objects.lock:
                    log.append((datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), line))
                    self.objects.lock.notify_all()

    def _termination(self, uid: str, code: int) -> dict[str, Any]:
        said = {"exitCode": code if code >= 0 else 128 - code, "finishedAt": now()}
        said["reason"] = self.why.get(uid) or ("Completed" if code == 0 else "Error")
        return said | ({"signal": -code} if code < 0 else {})

    def _ended(self, key: Key, uid: str, main: Group) -> None:
        ends = [state["state"].get("terminated", {}).get("exitCode") for state in main.states.values()]
        passed = all(code == 0 for code in ends)
        why = {"reason": self.why[uid]} if self.why.get(uid) == "Evicted" else {}
        with self.objects.lock:
            phase = "Succeeded" if passed else "Failed"
            self.objects.set_status(key, uid, phase=phase, **main.statuses, **why)
            self.processes.pop(uid, None)
            if self.objects.is_going(key, uid):
                self.objects.forget(key, uid)


@contextmanager
def _empty_folders(spec: Object) -> Iterator[dict[str, Path]]:
    """Those of a pod's volumes on disk, by name; they go with it."""
    names = [volume["name"] for volume in spec.get("volumes") or () if volume.get("emptyDir") == {}]
    folders = {name: Path(tempfile.mkdtemp(prefix="volume_")) for name in names}
    yield folders
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)


def _end(processes: list[Process]) -> None:
    """As for sidecars, when the others have ended."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(SIDECAR_ENDS_WITHIN_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _waiting(container: Object, reason: str, message: str = "") -> Object:
    plain = {"name": container["name"], "image": container.get("image", ""), "imageID": "", "ready": False}
    return {**plain, "restartCount": 0, "state": {"waiting": {"reason": reason, "message": message}}}
