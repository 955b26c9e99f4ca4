"""What a power cut cannot take costs: a publish, and the seven publishes of a chain, with fsync against without.

The training of a chain is left out, which would hide it. It depends on the disk: on one with a battery fsync is nearly free.

    python -m benchmarks.durability [folder]
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks.comparison import Comparison, in_turns
from ml_assets.store import Manifest, Store, open_store

ROUNDS = 9
ASSETS = ("dataset", "features", "split", "model", "evaluation", "champion", "predictions")
ROWS = {"one publish, 1 kB": 10, "one publish, 10 MB": 1_300_000}


def compare_all(folder: Path) -> list[Comparison]:
    store, numbers = open_store(str(folder / "store")), itertools.count()
    store.put({"made": "first"})
    frames = {name: pd.DataFrame({"x": np.random.default_rng(0).random(rows)}) for name, rows in ROWS.items()}

    def chain(i: int) -> None:
        frame = pd.DataFrame({"x": np.random.default_rng(i).random(30_000)})
        for asset in ASSETS:
            publish(store, asset, frame, i)

    works: dict[str, Callable[[int], None]] = {
        **{name: lambda i, frame=frame: publish(store, "model", frame + i, i) for name, frame in frames.items()},  # type: ignore[misc]
        "seven publishes of a chain": chain,
    }
    return [compared(name, work, numbers) for name, work in works.items()]


def compared(name: str, work: Callable[[int], None], numbers: itertools.count[int]) -> Comparison:
    """No claim: the ratio is the disk's."""
    ours, theirs = in_turns(lambda: timed(work, numbers), lambda: unsynced(work, numbers), ROUNDS)
    return Comparison(name, "without fsync", ours, theirs, at_most=float("inf"))


def publish(store: Store, asset: str, value: object, i: int) -> None:
    """All that a step of a run writes."""
    environment = store.put_environment({"numpy": "2"})
    key = store.commit(
        manifest := Manifest(asset, "2013-06", store.put(value), run=f"run {i}", environment=environment)
    )
    store.put_trace(f"{i:064d}", {})
    store.remember(f"{i:064d}", key)
    store.name(manifest, why="a benchmark")


def timed(work: Callable[[int], None], numbers: itertools.count[int]) -> float:
    i, started = next(numbers), time.perf_counter()
    work(i)
    return time.perf_counter() - started


def unsynced(work: Callable[[int], None], numbers: itertools.count[int]) -> float:
    with mock.patch.object(os, "fsync", lambda descriptor: None):
        return timed(work, numbers)


if __name__ == "__main__":
    from benchmarks.__main__ import table

    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as place:
        print(*table(compare_all(Path(place))), sep="\n")
