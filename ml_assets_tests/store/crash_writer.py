"""Publishes into a local store and is killed at one point: run by test_crash.py as a program, one fork per point.

The parent never touches obstore, so that each child starts its own runtime after the fork.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from ml_assets.store import Manifest, Store, open_backend
from ml_assets_tests.doubles.backends import Counted

ASSET, MONTH, RUN = "flight_delays/model", "2013-06", "41aa"


def publish(root: Path, value: object, die_at: int) -> None:
    def at(n: int, key: str) -> None:
        if n == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    store = Store(Counted(open_backend(str(root)), at=at))
    store.publish(Manifest(ASSET, MONTH, store.put(value), run=RUN), why="a test")


def fork(root: Path, value: object, die_at: int) -> bool:
    """Whether the child was killed (True) or got to the end."""
    child = os.fork()
    if child == 0:
        publish(root, value, die_at)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main(folder: Path, first: str) -> None:
    """One store per point, ``folder/1``, ``folder/2`` …, until a writer gets to the end. ``first``: value published before."""
    for point in range(1, 200):
        root = folder / str(point)
        if first:
            fork(root, first, die_at=0)
        if not fork(root, "new", die_at=point):
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
