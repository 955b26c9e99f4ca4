"""Stands between us and a command: if we are gone, however we went, it ends the command and all that this started.

Run as a file by a Python without anything else, because each command waits for it. Standard input is a pipe of which we hold
the other end: it closes when we are gone, as nothing else does of which a killed process could tell. The command has none.

    python -I -S warden.py PROGRAM ARGUMENT…
"""

import os
import signal
import subprocess
import sys
import threading

NOT_STARTED = 127  # as shells say it


def main() -> None:
    """Run the program; end as it ends."""
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
    if code < 0:
        _die_of(-code)
    os._exit(code)


def _end_with_the_other_end() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def _die_of(number: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one core was enough
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


if __name__ == "__main__":
    main()
