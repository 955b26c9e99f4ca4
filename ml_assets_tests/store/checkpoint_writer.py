"""Saves the states of a training into a local store and is killed at one point: run by test_checkpoints.py as a program."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from ml_assets.store import open_backend
from ml_assets.store.checkpoints import CheckpointLog
from ml_assets_tests.doubles.backends import Counted

KEY = "ab" * 32


def save(root: Path, steps: int, die_at: int) -> None:
    def at(n: int, key: str) -> None:
        if n == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    log = CheckpointLog(Counted(open_backend(str(root)), at=at), KEY)
    for step in range(1, steps + 1):
        log.save(step, {"w": [step] * 10})
        with (root / "saved").open("w") as saved:
            saved.write(str(step))


def fork(root: Path, steps: int, die_at: int) -> bool:
    """Whether the child was killed (True) or got to the end."""
    child = os.fork()
    if child == 0:
        save(root, steps, die_at)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main(folder: Path, steps: int) -> None:
    """One store per point, until a writer gets to the end."""
    for point in range(1, 200):
        root = folder / str(point)
        root.mkdir()
        if not fork(root, steps, die_at=point):
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
