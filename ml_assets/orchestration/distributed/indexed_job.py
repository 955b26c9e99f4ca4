"""The processes of a training on several machines: the pods of an Indexed Job, made and followed by the step's own pod."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ml_assets.compute import Compute
from ml_assets.orchestration.compute import k8s_config
from ml_assets.orchestration.distributed.api import Api, spelled
from ml_assets.orchestration.distributed.fates import fate_of
from ml_assets.orchestration.distributed.here import SECONDS_TO_STOP
from ml_assets.orchestration.distributed.objects import COMPUTATION, PORT, RUN, TRAINING, Placed, name_of
from ml_assets.settings import pod
from ml_assets.worker.order import Order

if TYPE_CHECKING:
    from kubernetes.client import V1Pod

INDEX = "batch.kubernetes.io/job-completion-index"
LOOKED_AT = 1.0  # seconds between looks
OVERLAP = 5  # seconds of the log that are read again: clocks differ
LAST_LINES = 200  # of each pod's log, when all is over


@dataclass
class IndexedJob:
    """A Job that was created. See ``Crew``.

    Attributes:
        is_over, fate: see there; known once the Job has ended.
    """

    api: Api
    name: str
    nodes: int
    is_over: bool = False
    fate: str = ""
    _asked: bool = False
    _read: frozenset[str] = frozenset()
    _read_at: float | None = None
    _labels: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._labels = {TRAINING: self.name}

    @classmethod
    def start(cls, order: Order, nodes: int, local: int, compute: Compute, port: int = PORT) -> IndexedJob:
        """Create the Job and its service, after deleting those that an earlier attempt of the same run may have left."""
        own_name, namespace = pod()
        api, name = Api.connected(namespace), name_of(order.computation, uuid.uuid4().hex)
        placed = Placed(name, api.pod(own_name), spelled(k8s_config(compute)), nodes, local, SECONDS_TO_STOP, port)
        job = placed.job(order)
        labels = job["metadata"]["labels"]
        for left in api.jobs({label: labels[label] for label in (COMPUTATION, RUN)}):
            api.delete(left)
        api.create(placed.service(), job)
        return cls(api, name, nodes)

    def hear(self) -> list[str]:
        """See ``Crew``: what node 0 says; once all is over, also what the others said last."""
        time.sleep(LOOKED_AT)
        ended = self.api.has_ended(self.name)  # before the log is read: what follows it is nothing
        pods = self.api.pods(self._labels)
        lines = self._new_lines(pods)
        if ended and not (self._asked and any(map(_is_running, pods))):
            self.is_over, self.fate = True, fate_of(pods, self.nodes)
            lines += [line for one in pods if _index(one) != 0 for line in self.api.log(one, tail_lines=LAST_LINES)]
        return [line.partition(" ")[2] for line in lines]  # without its time

    def ask_to_stop(self) -> None:
        """See ``Crew``: the Job goes, and with it its pods, when they have saved."""
        self._asked = True
        self.api.delete(self.name)

    def close(self) -> None:
        """See ``Crew``."""
        self.api.delete(self.name)

    def _new_lines(self, pods: Sequence[V1Pod]) -> list[str]:
        """What node 0 has said since the last look. No two lines are the same: each has its time."""
        now = time.monotonic()
        since = {} if self._read_at is None else {"since_seconds": int(now - self._read_at) + OVERLAP}
        lines = [line for one in pods if _index(one) == 0 for line in self.api.log(one, **since)]
        new = [line for line in lines if line not in self._read]
        if lines:
            self._read, self._read_at = frozenset(lines), now
        return new


def _index(pod: V1Pod) -> int:
    return int((pod.metadata.annotations or {}).get(INDEX, -1))


def _is_running(pod: V1Pod) -> bool:
    return pod.status.phase in ("Pending", "Running")
