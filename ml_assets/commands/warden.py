"""Stands between us and a command: once it has ended, or we are gone, however we went, nothing of what it started is left.

Run as a file by a Python without anything else, because each command waits for it. Standard input is a pipe of which we hold
the other end: it closes when we are gone, as nothing else does of which a killed process could tell. The command has none.

    python -I -S warden.py PROGRAM ARGUMENT…
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

NOT_STARTED = 127  # as shells say it
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of Linux: what loses its parent becomes our child, as of init otherwise


def main() -> None:
    """Run the program; end as it ends."""
    with suppress(AttributeError, OSError):  # elsewhere only its group is seen to
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    for asked in (signal.SIGTERM, signal.SIGINT):  # they are for the command, which is in the same group
        signal.signal(asked, lambda number, frame: None)  # not SIG_IGN, which it would inherit
    threading.Thread(target=_end_with_the_other_end, daemon=True).start()
    try:
        process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603
    except OSError as error:
        sys.stderr.write(f"{sys.argv[1]} cannot be started: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(NOT_STARTED)
    code = process.wait()
    _end_children()
    if code < 0:
        _die_of(-code)
    os._exit(code)


def _end_with_the_other_end() -> None:
    while os.read(0, 1):
        pass
    _end_children()
    os.killpg(0, signal.SIGKILL)


def _end_children() -> None:
    """Kill them, and those of theirs that become ours by that, until there are none."""
    while children := _children():
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(child, 0)


def _children() -> list[int]:
    found: list[int] = []
    for thread in _listed("/proc/self/task"):
        with suppress(OSError), open(f"/proc/self/task/{thread}/children", encoding="ascii") as children:  # noqa: PTH123
            found += map(int, children.read().split())
    return found


def _listed(folder: str) -> list[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []  # noqa: PTH112, PTH208  # pathlib takes longer to load


def _die_of(number: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one core was enough
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


if __name__ == "__main__":
    main()
