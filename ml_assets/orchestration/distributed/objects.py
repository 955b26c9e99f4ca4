"""A training on several machines as Kubernetes objects: an Indexed Job with a pod per node, and the name node 0 has. Pure.

    Service  train-3f9a…-1b2c   headless: a name for each pod, and no balancing
    Job      train-3f9a…-1b2c   Indexed, completions = parallelism = nodes, backoffLimit 0: one pod fails, all end
      pod 0  train-3f9a…-1b2c-0.train-3f9a…-1b2c:29500    where the ranks meet
      pod 1  …

The pods are made in the image of the step's own: its container image, service account, variables and volumes, so that nothing has
to be configured twice. Both objects belong to the step's pod: where that is deleted, Kubernetes deletes them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ml_assets.worker import node
from ml_assets.worker.order import Order

Object = Mapping[str, Any]

PORT = 29500  # torchrun's own; in pods nothing else listens
TRAINING, COMPUTATION, RUN = "ml-assets/training", "ml-assets/computation", "ml-assets/run"
RANKS = "ranks"  # the container's name
INHERITED = (
    "serviceAccountName",
    "imagePullSecrets",
    "securityContext",
    "nodeSelector",
    "schedulerName",
    "priorityClassName",
)
OF_THE_CONTAINER = ("image", "imagePullPolicy", "envFrom", "securityContext", "workingDir")
TOKENS = "kube-api-access-"  # volumes that admission adds; ranks have no business with the API


@dataclass(frozen=True)
class Placed:
    """Where a training on several machines runs.

    Attributes:
        name: of its objects.
        own: the step's pod, as the API gives it.
        config: what the pod of each node asks for, as the API spells it: ``container``, ``pod``, ``template``, ``job`` (its
            spec) and ``job_metadata``.
        nodes: how many pods; ``local``: how many ranks in each.
        port: where the ranks meet, on node 0.
    """

    name: str
    own: Object
    config: Mapping[str, Object]
    nodes: int
    local: int
    seconds_to_stop: int
    port: int = PORT

    @property
    def namespace(self) -> str:
        """That of the step's pod."""
        return str(self.own["metadata"]["namespace"])

    def service(self) -> dict[str, Any]:
        """The headless service: pods have names before they are ready, since they become so by finding each other."""
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": self.name, "labels": {TRAINING: self.name}, "ownerReferences": [self._owner]},
            "spec": {
                "clusterIP": "None",
                "publishNotReadyAddresses": True,
                "selector": {TRAINING: self.name},
                "ports": [{"name": "rendezvous", "port": self.port}],
            },
        }

    def job(self, order: Order) -> dict[str, Any]:
        """The Job whose pods carry out the order."""
        asked = self.config["job_metadata"]
        labels = {TRAINING: self.name, COMPUTATION: order.computation[:63], RUN: self._run}
        metadata = {
            "name": self.name,
            "labels": {**asked.get("labels", {}), **labels},
            "ownerReferences": [self._owner],
        }
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {**asked, **metadata},
            "spec": {
                **self.config["job"],
                "completionMode": "Indexed",
                "completions": self.nodes,
                "parallelism": self.nodes,
                "backoffLimit": 0,
                "template": {"metadata": self._pod_metadata(labels), "spec": self._pod(order)},
            },
        }

    @property
    def _owner(self) -> dict[str, Any]:
        metadata = self.own["metadata"]
        return {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}

    @property
    def _run(self) -> str:
        return str(self.own["metadata"].get("labels", {}).get("dagster/run-id", "none"))

    def _pod_metadata(self, labels: Object) -> dict[str, Any]:
        template = self.config["template"]
        return {**template, "labels": {**template.get("labels", {}), **labels}}

    def _pod(self, order: Order) -> dict[str, Any]:
        own, asked = self.own["spec"], self.config["pod"]
        volumes = [one for one in own.get("volumes", ()) if not one["name"].startswith(TOKENS)]
        return {
            **{name: own[name] for name in INHERITED if name in own},
            **asked,
            "nodeSelector": {**own.get("nodeSelector", {}), **asked.get("nodeSelector", {})},
            "tolerations": [*own.get("tolerations", ()), *asked.get("tolerations", ())],
            "volumes": _by_name(volumes, asked.get("volumes", ())),
            "subdomain": self.name,
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "containers": [self._container(order)],
        }

    def _container(self, order: Order) -> dict[str, Any]:
        own, asked = self.own["spec"]["containers"][0], self.config["container"]
        address = f"{self.name}-0.{self.name}"
        place = node.on_one_of(self.nodes, "$(JOB_COMPLETION_INDEX)", self.local, address, self.port)
        needed = [one for one in own.get("env", ()) if not one["name"].startswith("DAGSTER_")]  # e.g. its database
        stop = {"name": "TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "value": str(self.seconds_to_stop)}
        mounts = [one for one in own.get("volumeMounts", ()) if not one["name"].startswith(TOKENS)]
        return {
            **{name: own[name] for name in OF_THE_CONTAINER if name in own},
            **asked,
            "name": RANKS,
            "command": [sys.executable],
            "args": node.command(place, order.to_text()),
            "env": _by_name(needed, [*asked.get("env", ()), stop]),
            "volumeMounts": _by_name(mounts, asked.get("volumeMounts", ()), key="mountPath"),
        }


def name_of(computation: str, attempt: str) -> str:
    """The name of a training's objects: of its computation and this attempt at it. With a number, still a host name."""
    return f"train-{computation[:12]}-{attempt[:8]}"


def _by_name(own: Iterable[Object], asked: Iterable[Object], key: str = "name") -> list[Object]:
    """Both lists; where both have one of a name, what was asked for."""
    return list({one[key]: one for one in (*own, *asked)}.values())
