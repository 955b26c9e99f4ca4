"""What a power cut cannot take costs: a publish, and the seven publishes of a chain, in a folder against a scratch one.

The training of a chain is left out, which would hide it.

    python -m benchmarks.durability [folder]

Wanted: at least 0.8 times the speed without fsync. It depends on the disk: on one with a battery fsync is nearly free.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.comparison import Comparison, in_turns
from ml_assets.store import Manifest, Store, open_store

ROUNDS = 9
SPEED = 0.8  # of that without fsync, at least
ASSETS = ("dataset", "features", "split", "model", "evaluation", "champion", "predictions")
Work = Callable[[Store, int], None]
ROWS = {"one publish, 1 kB": 10, "one publish, 10 MB": 1_300_000}


def compare_all(folder: Path) -> list[Comparison]:
    stores = open_store(str(folder / "store")), open_store(f"scratch://{folder / 'scratch'}")
    for store in stores:
        store.put({"made": "first"})
    numbers = itertools.count()
    frames = {name: pd.DataFrame({"x": np.random.default_rng(0).random(rows)}) for name, rows in ROWS.items()}

    def chain(store: Store, i: int) -> None:
        frame = pd.DataFrame({"x": np.random.default_rng(i).random(30_000)})
        for asset in ASSETS:
            publish(store, asset, frame, i)

    works: dict[str, Work] = {
        **{name: lambda store, i, frame=frame: publish(store, "model", frame + i, i) for name, frame in frames.items()},  # type: ignore[misc]
        "seven publishes of a chain": chain,
    }
    return [compared(name, work, stores, numbers) for name, work in works.items()]


def compared(name: str, work: Work, stores: tuple[Store, Store], numbers: itertools.count[int]) -> Comparison:
    ours, theirs = in_turns(*(lambda store=store: timed(work, store, next(numbers)) for store in stores), ROUNDS)  # type: ignore[misc]
    return Comparison(name, "in a scratch store", ours, theirs, at_most=1 / SPEED)


def publish(store: Store, asset: str, value: object, i: int) -> None:
    """All that a step of a run writes."""
    environment = store.put_environment({"numpy": "2"})
    key = store.commit(
        manifest := Manifest(asset, "2013-06", store.put(value), run=f"run {i}", environment=environment)
    )
    store.put_trace(f"{i:064d}", {})
    store.remember(f"{i:064d}", key)
    store.name(manifest, why="a benchmark")


def timed(work: Work, store: Store, i: int) -> float:
    started = time.perf_counter()
    work(store, i)
    return time.perf_counter() - started


if __name__ == "__main__":
    from benchmarks.__main__ import table

    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as place:
        print(*table(compare_all(Path(place))), sep="\n")
