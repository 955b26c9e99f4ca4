"""A Kubernetes API on a local port, whose pods are processes of this machine: for tests of what talks to a cluster.

Enough for the official client, dagster-k8s and ours: Jobs (backoff, Indexed), Pods (logs, grace, eviction), Services, ConfigMaps,
Secrets, Events, lists with selectors, watches, sidecars; and what goes wrong in a cluster, at will. What
it has not: scheduling, mounts (volumes are checked; of empty folders the path is), services' networking, restarts of containers,
RBAC, admission. It shows that both sides agree on the API, nothing more.

    objects.py    what there is: create, read, change, delete, list; every change is an event
    selectors.py  label and field selectors
    jobs.py       the Job controller: pods for a Job, and how it ends
    kubelet.py    runs pods as processes
    containers.py what a container executes: image, command, environment
    server.py     HTTP
"""

from __future__ import annotations

from ml_assets_tests.doubles.kubernetes_api.cluster import Api, served
from ml_assets_tests.doubles.kubernetes_api.containers import Image

__all__ = ["Api", "Image", "served"]
