"""What a step takes: seconds of wall, processors and GPUs, and memory at its peak.

The kernel keeps one peak per process, over its whole life. So a meter has it forgotten when it starts, after noting it for
the meters that run already (a step that holds trials); where the kernel does not let it, a peak is known only if it is
higher than any before.
"""

from __future__ import annotations

import re
import resource
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from weakref import WeakSet

FORGET_PEAK = Path("/proc/self/clear_refs")  # takes a 5; man 5 proc
STATUS = Path("/proc/self/status")
RUSAGE_PER_MIB = 2**20 if sys.platform == "darwin" else 2**10  # getrusage counts bytes there, KiB elsewhere


@dataclass(frozen=True)
class Reading:
    """Where this process's counters stand.

    Attributes:
        wall_seconds, cpu_seconds: CPU seconds of all its threads, and of its children that have ended.
        child_peak_mib: peak memory of the largest child that has ended, over the process's whole life.
        gpu_allocations: how often torch took memory, by number of the GPU.
    """

    wall_seconds: float
    cpu_seconds: float
    child_peak_mib: float
    gpu_allocations: Mapping[int, int]

    @classmethod
    def now(cls) -> Reading:
        """The counters as they are."""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return cls(
            wall_seconds=time.perf_counter(),
            cpu_seconds=time.process_time() + children.ru_utime + children.ru_stime,
            child_peak_mib=children.ru_maxrss / RUSAGE_PER_MIB,
            gpu_allocations=_gpu_allocations(),
        )


class Meter:
    """Measures from when it is made until it is read. It starts no thread; making and reading one takes 0.1 ms.

    What runs at the same time in the same process is not told apart: each meter counts all of it.

    Args:
        forget_peak: the kernel's file that makes it forget the peak of memory.
    """

    _running: ClassVar[WeakSet[Meter]] = WeakSet()
    _lock: ClassVar = threading.Lock()

    _noted: float  # MiB, the highest peak since it was made

    def __init__(self, forget_peak: Path = FORGET_PEAK) -> None:
        with self._lock:
            self._note_for_all()
            self._from_zero = _written(forget_peak, "5")
            self._floor = self._noted = _peak_mib()
            self._running.add(self)
        self._start = Reading.now()

    def read(self) -> dict[str, float]:
        """What was taken until now, see ``taken``."""
        now = Reading.now()
        with self._lock:
            self._noted = max(self._noted, _peak_mib())
        return taken(self._start, now, self._noted, known=self._from_zero or self._noted > self._floor)

    def _note_for_all(self) -> None:
        peak = _peak_mib()
        for meter in self._running:
            meter._noted = max(meter._noted, peak)


def taken(start: Reading, end: Reading, peak_mib: float, *, known: bool) -> dict[str, float]:
    """What was taken between two readings.

    wall_seconds
    cpu_seconds: of the process, all its threads, and its children that ended meanwhile.
    gpu_seconds: wall seconds times the number of GPUs on which torch took memory meanwhile in this process: how long they
        were occupied, not how busy they were. Other libraries' use, and that of children, is not seen.
    peak_memory_mib: of the process, resident; absent if not known.
    child_peak_memory_mib: of the largest child that ended meanwhile; only where it is larger than the process, whose memory
        the kernel counts as the child's too until that begins its own program.

    Args:
        peak_mib: the process's peak, since the start if ``known``, else over a longer time.
    """
    wall = end.wall_seconds - start.wall_seconds
    occupied = [gpu for gpu, count in end.gpu_allocations.items() if count > start.gpu_allocations.get(gpu, 0)]
    used = {
        "wall_seconds": round(wall, 3),
        "cpu_seconds": round(end.cpu_seconds - start.cpu_seconds, 3),
        "gpu_seconds": round(wall * len(occupied), 3),
    }
    if known:
        used["peak_memory_mib"] = round(peak_mib, 1)
    if end.child_peak_mib > max(start.child_peak_mib, peak_mib):
        used["child_peak_memory_mib"] = round(end.child_peak_mib, 1)
    return used


def _peak_mib() -> float:
    """The most memory this process has held since the kernel was told to forget; getrusage adds what its parent held."""
    try:
        mark = re.search(rb"^VmHWM:\s*(\d+) kB", STATUS.read_bytes(), re.MULTILINE)
    except OSError:  # no Linux
        mark = None
    return int(mark[1]) / 2**10 if mark else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / RUSAGE_PER_MIB


def _written(path: Path, text: str) -> bool:
    """Whether the kernel took what was written to a file of its own."""
    try:
        path.write_text(text)
    except OSError:
        return False
    return True


def _gpu_allocations() -> dict[int, int]:
    """See ``Reading``; none unless something has begun to use a GPU through torch, which is not loaded for this."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)  # absent while torch is still being loaded
    if cuda is None or not cuda.is_initialized():
        return {}
    stats = {gpu: cuda.memory_stats(gpu) for gpu in range(cuda.device_count())}
    return {gpu: of.get("allocation.all.allocated", 0) for gpu, of in stats.items()}
