"""A look at a landing folder of 100,000 files of which one is new, against listing all of them.

On this machine: a local folder. On a real object store (Ceph RGW, where it is installed; minutes, to write the files):

    python -m benchmarks.landing_tick --ceph
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.comparison import Comparison, in_turns
from ml_assets.store import LandingFolder, open_landing, open_store, watch

FILES = 100_000
ROUNDS = 5
PREFIX, PATTERNS = "shop", ("bills/{partition}.parquet",)
LATER = timedelta(seconds=2.5)  # by then a file that was just written is settled


def compare() -> Comparison:
    with tempfile.TemporaryDirectory() as folder:
        landing = open_landing(folder)
        fill(landing)
        return against_listing(landing, f"tick, 1 new of {FILES:,}", at_most=0.5)


def compare_on_ceph() -> Comparison:
    with ceph() as url:
        landing = open_landing(url)
        fill(landing)
        return against_listing(landing, f"tick on Ceph, 1 new of {FILES:,}", at_most=0.05)


def against_listing(landing: LandingFolder, what: str, at_most: float) -> Comparison:
    watcher = Watcher(landing)
    watcher.look()
    ours, theirs = in_turns(lambda: tick_with_one_new(watcher), lambda: timed(lambda: landing.stamps(PREFIX)), ROUNDS)
    return Comparison(what, "listing all", ours, theirs, at_most)


@dataclass
class Watcher:
    """Looks one second after the other, by a clock of its own that only moves so far that no full look becomes due."""

    landing: LandingFolder
    seen: watch.Watch = field(default_factory=watch.Watch)
    at: datetime = field(default_factory=lambda: datetime.now(UTC) + LATER)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(FILES))

    def look(self) -> list[str]:
        store = open_store("memory://landing-tick")
        found = watch.look(self.landing, PREFIX, PATTERNS, self.seen, store=store, now=self.at)
        self.seen = found.watch
        return list(found.partitions)


def tick_with_one_new(watcher: Watcher) -> float:
    partition = land(watcher.landing, next(watcher.numbers))
    watcher.at = max(watcher.at, datetime.now(UTC) + LATER)
    found: list[str] = []
    seconds = timed(lambda: found.extend(watcher.look()))
    assert found == [partition], found
    return seconds


def land(landing: LandingFolder, number: int) -> str:
    landing.backend.replace(f"{PREFIX}/bills/{number:09d}.parquet", b"%d" % number)
    return f"{number:09d}"


def fill(landing: LandingFolder) -> None:
    with ThreadPoolExecutor(16) as pool:
        for _ in pool.map(lambda number: land(landing, number), range(FILES)):
            pass


def timed(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


@contextmanager
def ceph() -> Iterator[str]:
    from ml_assets_tests.doubles.ceph import running
    from ml_assets_tests.doubles.s3 import BUCKET, create_bucket

    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        os.environ.update(server.environment)
        create_bucket(server.environment)
        yield f"s3://{BUCKET}/{uuid.uuid4().hex}"


if __name__ == "__main__":
    from benchmarks.__main__ import table

    measured = [compare(), *([compare_on_ceph()] if "--ceph" in sys.argv else [])]
    print(*table(measured), sep="\n")
    sys.exit(0 if all(comparison.holds for comparison in measured) else 1)
