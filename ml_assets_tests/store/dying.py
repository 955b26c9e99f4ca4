"""Writers that are killed at one point. The parent never touches obstore: each child starts its own runtime after the fork."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable


def killed_at(point: int) -> Callable[[int, str], None]:
    """For ``Counted``: kills the process at its call of this number."""

    def at(n: int, key: str) -> None:
        if n == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return at


def is_killed(write: Callable[[], None]) -> bool:
    """Write in a child; whether it was killed, or got to the end."""
    child = os.fork()
    if child == 0:
        write()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)
