"""Whether what runs is what is on the disk: files that were edited since this process started, and may have been read before."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

SLACK_SECONDS = 60.0  # where a process cannot ask when it started: longer than importing takes


def _started() -> float:
    """When this process started, in seconds since 1970; the end of the tick in which it did.

    Nothing of a problem is read in the first tick, and what was saved just before it is what is read.
    """
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - (int(fields[19]) + 1) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, IndexError, ValueError):
        return time.time() - SLACK_SECONDS
    return time.time() - age


STARTED = _started()  # now, not when it is asked for: a process that is forked later runs the code that was loaded here


def edited_while_running(files: Iterable[Path]) -> list[Path]:
    """The files that are newer than this process, or gone: what runs may not be what they say.

    Looks at the time of the last change of the file itself, too: copying tools set the time of the content back.
    """
    return [file for file in files if _changed(file) > STARTED]


def _changed(file: Path) -> float:
    try:
        stat = file.stat()
    except OSError:
        return float("inf")
    return max(stat.st_mtime, stat.st_ctime)
