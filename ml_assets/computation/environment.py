"""What a computation runs in: Python, packages, machine, thread counts. Kept in the store once per distinct environment.

Nothing here changes from run to run (no process, host name, load, free memory): equal environments have equal digests.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions
from typing import Any

from ml_assets.computation.machine import cpu_kind, gpus, usable_cores
from ml_assets.compute import Devices, devices_for
from ml_assets.problem import Compute
from ml_assets.settings import hash_seed, on_cluster, thread_limits, visible_gpus


def environment(image: str = "") -> Mapping[str, Any]:
    """All of it, as plain JSON.

    Args:
        image: what the container image was built as, see ``Settings.image``; empty outside of one.
    """
    found = gpus()
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "image": image or None,
        "cpu": cpu_kind(),
        "cores": usable_cores(),
        "gpus": list(found.kinds),
        "gpu_driver": found.driver,
        **_thread_counts(),
        "hash_seed": hash_seed(),
        "packages": dict(installed()),
    }


def threads(compute: Compute | None = None, *, on_cluster: bool = False) -> int:
    """How many threads a training uses: ``OMP_NUM_THREADS`` where it is set, else one per usable core.

    Args:
        compute: what it asks for: a cluster gives exactly that, also where another pod than the training's asks.
    """
    if on_cluster and compute is not None:
        return compute.threads
    return thread_limits().get("OMP_NUM_THREADS") or usable_cores()


def devices(compute: Compute | None) -> Devices:
    """What a training that asks for this runs on, started from here."""
    return devices_for(compute, cuda_devices(), on_cluster=on_cluster())


def cuda_devices() -> int:
    """How many GPUs torch has to train on here, told without loading it: an installed torch may be built without any."""
    version = installed().get("torch", "+cpu")
    seen, found = visible_gpus(), len(gpus().kinds)
    return 0 if version.endswith("+cpu") else found if seen is None else min(found, seen)


def _thread_counts() -> dict[str, int]:
    """How many threads each of the libraries that compute in parallel uses; OpenMP's limit is the default of the others."""
    limits, default = thread_limits(), threads()
    return {
        "openmp_threads": default,
        "openblas_threads": limits.get("OPENBLAS_NUM_THREADS", default),
        "mkl_threads": limits.get("MKL_NUM_THREADS", default),
    }


@cache
def installed() -> Mapping[str, str]:
    """Every installed package with its version: ``{"scikit-learn": "1.9.0"}``, names spelt as package indexes do.

    Of two in different folders the one that is imported counts. Costs 5 ms for 200 packages, once per process: reading
    their metadata as mail headers, as ``importlib.metadata`` does for ``name`` and ``version``, costs 130.
    """
    found: dict[str, str] = {}
    for distribution in distributions():
        about = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
        head = dict(re.findall(r"^(Name|Version):[ \t]*(\S+)", about.partition("\n\n")[0], re.MULTILINE))
        if len(head) == 2:  # a broken install has neither
            found.setdefault(re.sub(r"[-_.]+", "-", head["Name"]).lower(), head["Version"])
    return dict(sorted(found.items()))
