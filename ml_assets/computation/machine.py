"""The machine as far as it decides how a computation goes: its processor, the cores and the GPUs that a process may use.

Read from the kernel's own files where there are such: that costs no process, loads no library, and says the same in every
process, whatever that has imported.
"""

from __future__ import annotations

import math
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path("/")
ANSWERS_WITHIN_SECONDS = 5  # nvidia-smi takes 1 s where the driver has to wake up


@dataclass(frozen=True)
class Gpus:
    """NVIDIA's GPUs that a process sees.

    Attributes:
        kinds: the name of each, sorted: ``("NVIDIA H200", "NVIDIA H200")``.
        driver: version of the driver; None without one.
    """

    kinds: tuple[str, ...] = ()
    driver: str | None = None


@cache
def cpu_kind(root: Path = ROOT) -> str:
    """The processor's name: ``AMD EPYC 9654``; where the kernel does not tell it, what Python knows (``arm``)."""
    named = re.search(r"^model name\s*:\s*(.+)$", _text(root / "proc/cpuinfo"), re.MULTILINE)
    return named[1].strip() if named else platform.processor() or platform.machine()


def usable_cores(root: Path = ROOT) -> int:
    """How many cores this process may keep busy: by its affinity and its control groups' quotas, 1.5 cores counting as 2."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *map(math.ceil, _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Cores that this process's control groups grant, those around it included: each of them limits.

    A container may see the path of its group on the host while its own group is mounted at the top: then the folders
    below are not there, and the top is.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("cpu" if controllers else "")  # version 1 has a tree per controller, 2 has one
        names = [name for name in path.split("/") if name not in ("", "..")]
        for depth in range(len(names) + 1):
            yield from _quota(top.joinpath(*names[:depth]))


def _quota(group: Path) -> Iterator[float]:
    """Cores: microseconds of CPU time per microseconds of wall time. Nothing for ``max`` and -1, which mean no limit."""
    version_1 = f"{_text(group / 'cpu.cfs_quota_us')} {_text(group / 'cpu.cfs_period_us')}"
    limit = re.fullmatch(r"(\d+) ([1-9]\d*)", _text(group / "cpu.max") or version_1)
    if limit:
        yield int(limit[1]) / int(limit[2])


@cache
def gpus(root: Path = ROOT) -> Gpus:
    """What the driver says: its files, else nvidia-smi; none where neither is there.

    Never torch, even where it is loaded: it tells other things than the driver does, so that one machine would be
    recorded as two.
    """
    found = _gpus_of_the_driver(root / "proc/driver/nvidia")
    return found if found.kinds else _gpus_of_nvidia_smi()


def _gpus_of_the_driver(folder: Path) -> Gpus:
    about = [_text(path) for path in folder.glob("gpus/*/information")]
    kinds = sorted(named[1].strip() for text in about if (named := re.search(r"^Model:(.+)$", text, re.MULTILINE)))
    driver = re.search(r"^NVRM version:.*?\s(\d+(?:\.\d+)+)\s", _text(folder / "version"), re.MULTILINE)
    return Gpus(tuple(kinds), driver[1] if driver else None)


def _gpus_of_nvidia_smi() -> Gpus:
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(  # noqa: S603
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=ANSWERS_WITHIN_SECONDS,
            stdin=subprocess.DEVNULL,
        ).stdout
    except (OSError, subprocess.CalledProcessError, subprocess.TimeoutExpired):  # not installed, or no GPU to speak of
        return Gpus()
    rows = [line.rsplit(", ", 1) for line in said.splitlines() if ", " in line]
    return Gpus(tuple(sorted(name for name, _ in rows)), rows[0][1] if rows else None)


def _text(path: Path) -> str:
    """What a file says, empty where there is none or it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
