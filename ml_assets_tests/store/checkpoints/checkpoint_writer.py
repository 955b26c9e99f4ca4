"""Saves the states of a training into a local store and is killed at one point: run by test_checkpoints.py as a program."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from ml_assets.store import open_backend
from ml_assets.store.checkpoints.log import CheckpointLog
from ml_assets_tests.doubles.backends import Counted
from ml_assets_tests.store.dying import is_killed, killed_at

KEY = "ab" * 32


def save(root: Path, steps: int, die_at: int) -> None:
    log = CheckpointLog(Counted(open_backend(str(root)), at=killed_at(die_at)), KEY)
    for step in range(1, steps + 1):
        log.save(step, {"w": [step] * 10})
        with (root / "saved").open("w") as saved:
            saved.write(str(step))


def main(folder: Path, steps: int) -> None:
    """One store per point, until a writer gets to the end."""
    for point in range(1, 200):
        root = folder / str(point)
        root.mkdir()
        if not is_killed(partial(save, root, steps, die_at=point)):
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
