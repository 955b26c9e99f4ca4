"""Runs pods as processes, each in a session of its own, and keeps what they print."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ml_assets_tests.doubles.kubernetes_api.containers import Image, NotConfigured, command
from ml_assets_tests.doubles.kubernetes_api.objects import Key, Object, Objects, now

Process = Any  # subprocess.Popen, or what its image starts instead
TRIES_AGAIN_SECONDS = 0.2  # an image that cannot be pulled, a Secret that is not there


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
        containers = {c["name"]: _waiting(c, "ContainerCreating") for c in pod["spec"]["containers"]}
        self.objects.set_status(key, uid, podIP="127.0.0.1", containerStatuses=list(containers.values()))
        threads = [
            threading.Thread(target=self._container, args=(key, uid, pod, c, containers), daemon=True)
            for c in pod["spec"]["containers"]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._ended(key, uid, containers)

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

    def _container(self, key: Key, uid: str, pod: Object, container: Object, states: dict[str, Object]) -> None:
        name = container["name"]
        process = self._started(key, uid, pod, container, states)
        if process is None:
            return
        states[name] |= {"ready": True, "state": {"running": {"startedAt": now()}}}
        self.objects.set_status(key, uid, phase="Running", containerStatuses=copy.deepcopy(list(states.values())))
        self._keep_log(uid, name, process)
        code = process.wait()
        states[name] |= {"ready": False, "state": {"terminated": self._termination(uid, code)}}
        self.objects.set_status(key, uid, containerStatuses=copy.deepcopy(list(states.values())))

    def _started(self, key: Key, uid: str, pod: Object, container: Object, states: dict[str, Object]) -> Process | None:
        """Its process, as soon as it has an image and all that it needs; None if the pod goes before."""
        while True:
            with self.objects.lock:
                if self.objects.is_going(key, uid):
                    return None
                try:
                    process = self._spawn(pod, container)
                except NotConfigured as missing:
                    states[container["name"]] = _waiting(container, "CreateContainerConfigError", str(missing))
                except LookupError as missing:
                    states[container["name"]] = _waiting(container, "ErrImagePull", str(missing))
                except OSError as fault:
                    states[container["name"]]["state"] = {"terminated": {"exitCode": 128, "reason": "StartError"}}
                    states[container["name"]]["state"]["terminated"]["message"] = str(fault)
                    return None
                else:
                    self.processes.setdefault(uid, []).append(process)
                    return process
                statuses = copy.deepcopy(list(states.values()))
                self.objects.set_status(key, uid, containerStatuses=statuses)
                self.objects.lock.wait(TRIES_AGAIN_SECONDS)

    def _spawn(self, pod: Object, container: Object) -> Process:
        name = container["image"]
        if name not in self.images:
            raise LookupError(f'failed to pull image "{name}": not found')
        image = self.images[name]
        argv, env = command(pod, container, image, self.objects)
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

    def _ended(self, key: Key, uid: str, containers: Mapping[str, Object]) -> None:
        ends = [state["state"].get("terminated", {}).get("exitCode") for state in containers.values()]
        passed = all(code == 0 for code in ends)
        why = {"reason": self.why[uid]} if self.why.get(uid) == "Evicted" else {}
        statuses = copy.deepcopy(list(containers.values()))
        with self.objects.lock:
            phase = "Succeeded" if passed else "Failed"
            self.objects.set_status(key, uid, phase=phase, containerStatuses=statuses, **why)
            self.processes.pop(uid, None)
            if self.objects.is_going(key, uid):
                self.objects.forget(key, uid)


def _waiting(container: Object, reason: str, message: str = "") -> Object:
    plain = {"name": container["name"], "image": container.get("image", ""), "imageID": "", "ready": False}
    return {**plain, "restartCount": 0, "state": {"waiting": {"reason": reason, "message": message}}}
