"""Publishes into a local store and is killed at one point: run by test_crash.py as a program, one child per point."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from ml_assets.store import Manifest, Store, open_backend
from ml_assets_tests.doubles.backends import Counted
from ml_assets_tests.store.dying import is_killed, killed_at

ASSET, MONTH, RUN = "flight_delays/model", "2013-06", "41aa"


def publish(root: Path, value: object, die_at: int) -> None:
    store = Store(Counted(open_backend(str(root)), at=killed_at(die_at)))
    store.publish(Manifest(ASSET, MONTH, store.put(value), run=RUN), why="a test")


def main(folder: Path, first: str) -> None:
    """One store per point, ``folder/1``, ``folder/2`` …, until a writer gets to the end. ``first``: value published before."""
    for point in range(1, 200):
        root = folder / str(point)
        if first:
            is_killed(partial(publish, root, first, die_at=0))
        if not is_killed(partial(publish, root, "new", die_at=point)):
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
