"""Writers and a collector are killed at random moments, and others take their place: what is acknowledged stays, all is whole.

    python -m benchmarks.kills [kills] [folder]

Writers publish, let a ledger name a model, and let refs go back; many values are the same, so that a writer relies on blobs that
the collector is about to move. Each says what it was told was done, in a pipe that outlives it. At the end: every acknowledged
entry stands in its log under its number, no log has a gap, all that is kept can be loaded, ``verify`` finds nothing, and a
writer goes on. The exit code is 1 where that does not hold.

Kills are SIGKILL, at a moment that is drawn anew each time (the seed is printed). The grace period of the collector is two
minutes; what is written must take less than a half of it, else the run says nothing.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ml_assets.errors import Collected, RefMoved
from ml_assets.retention import Retention
from ml_assets.store import Manifest, Store, Verification, VersionKey, open_store
from ml_assets_tests.doubles import umbrellas

KILLS, WRITERS, PARTITIONS, VALUES = 1000, 4, ("2024-01", "2024-02", "2024-03"), 40
ASSET, LEDGER = "umbrellas/model", "umbrellas/ledger"
GRACE = 120.0  # seconds
LIVES = 0.05, 0.5  # seconds between two kills
SPARED = 1 / 25  # of the kills meet the collector: one that is killed each second never gets anywhere


class Told(NamedTuple):
    """What a writer was told was done: that a log has this entry, with this target."""

    asset: str
    partition: str | None
    n: int
    version: str
    seconds: float


@dataclass
class Child:
    pid: int
    pipe: int
    is_writer: bool

    def kill(self) -> list[Told]:
        """What it had said by then."""
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        if not os.WIFSIGNALED(status):
            raise RuntimeError("A writer or collector ended by itself: what it says above is what failed.")
        with os.fdopen(self.pipe) as said:
            return [Told(*json.loads(line)) for line in said if line.endswith("\n")]


@dataclass
class World:
    """The store, and who works on it."""

    url: str
    chance: random.Random
    told: list[Told] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def start(self, is_writer: bool) -> Child:
        read, write = os.pipe()
        seed = next(self.numbers)
        pid = os.fork()
        if pid:
            os.close(write)
            return Child(pid, read, is_writer)
        try:
            work = write_for_ever if is_writer else collect_for_ever
            work(open_store(self.url, user=f"writer {seed}"), random.Random(seed), lambda told: _say(write, told))
        finally:
            os._exit(1)

    def run(self, kills: int) -> None:
        living = [self.start(is_writer=n < WRITERS) for n in range(WRITERS + 1)]
        for _ in range(kills):
            time.sleep(self.chance.uniform(*LIVES))
            at_collector = self.chance.random() < SPARED
            child = living.pop(next(n for n, one in enumerate(living) if one.is_writer != at_collector))
            self._end(child)
            living.append(self.start(child.is_writer))
        for child in living:
            self._end(child)

    def _end(self, child: Child) -> None:
        self.told += child.kill()
        self.killed["writers" if child.is_writer else "collectors"] += 1


def write_for_ever(store: Store, chance: random.Random, say: Callable[[Told], None]) -> None:
    for n in itertools.count():
        partition, began = chance.choice(PARTITIONS), time.monotonic()
        work = chance.choices((publish, promote, go_back), (8, 2, 1))[0]
        try:
            said = work(store, partition, chance, n)
        except (RefMoved, Collected):  # somebody was quicker
            continue
        for told in said:
            say(told._replace(seconds=time.monotonic() - began))


def publish(store: Store, partition: str, chance: random.Random, n: int) -> list[Told]:
    """A version of its own, of a value that others have, too."""
    value = {"value": chance.randrange(VALUES), "pad": "x" * 2000}
    manifest = Manifest(ASSET, partition, store.put(value), notes={"n": n}, run=store.user, by=store.user)
    key, entry = store.publish(manifest, why=str(n))
    return [Told(ASSET, partition, entry.n, key.version, 0.0)] if entry else []


def promote(store: Store, partition: str, chance: random.Random, n: int) -> list[Told]:
    """The newest model becomes champion."""
    head, ledger = store.head(ASSET, partition), store.head(LEDGER, None)
    if head is None:
        return []
    details = {"kind": "promotion"}
    entry = store.move(LEDGER, None, head.target, expected=ledger.n if ledger else 0, why=str(n), details=details)
    return [Told(LEDGER, None, entry.n, head.target.version, 0.0)]


def go_back(store: Store, partition: str, chance: random.Random, n: int) -> list[Told]:
    """The ref names one of its last versions again."""
    log = store.log(ASSET, partition)[-5:]
    if not log:
        return []
    target = chance.choice(log).target
    entry = store.move(ASSET, partition, target, expected=log[-1].n, why=f"back, {n}")
    return [Told(ASSET, partition, entry.n, target.version, 0.0)]


def collect_for_ever(store: Store, chance: random.Random, say: Callable[[Told], None]) -> None:
    while True:
        Retention(store, [umbrellas.PROBLEM], GRACE / 86400).collect()
        time.sleep(chance.uniform(0, 1))


def faults(world: World) -> list[str]:
    """What does not hold, as sentences."""
    store, found = open_store(world.url), []
    logs = {(ASSET, partition): store.log(ASSET, partition) for partition in PARTITIONS}
    logs[LEDGER, None] = store.log(LEDGER, None)
    for told in world.told:
        log = logs[told.asset, told.partition]
        if not any((entry.n, entry.target.version) == (told.n, told.version) for entry in log[told.n - 1 : told.n]):
            found.append(f"entry {told.n} of {told.asset} {told.partition} was acknowledged, and is not there")
    for (asset, partition), log in logs.items():
        if [entry.n for entry in log] != list(range(1, len(log) + 1)):
            found.append(f"the log of {asset} {partition} has a gap")
        kept = {entry.target for entry in (log if asset == LEDGER else log[-1:])}
        found += [f"{key} is kept, and cannot be loaded: {error}" for key in kept if (error := _error(store, key))]
    looks = [looked.fault for looked in Verification(store).everything()]
    found += [f"verify: {fault.key}: {fault.error}" for fault in looks if fault]
    slowest = max((told.seconds for told in world.told), default=0.0)
    if slowest > GRACE / 2:
        found.append(
            f"a write took {slowest:.0f} s: this machine is too slow for the grace period, so nothing is shown"
        )
    publish(store, PARTITIONS[0], world.chance, 0)
    return found


def _error(store: Store, key: VersionKey) -> str:
    try:
        store.load(key)
    except Exception as error:  # whatever it is, it is told
        return f"{type(error).__name__}: {error}"
    return ""


def _say(pipe: int, told: Told) -> None:
    os.write(pipe, f"{json.dumps(told)}\n".encode())


def main(kills: int, folder: str | None) -> int:
    seed = random.randrange(10**6)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        world, began = World(f"{place}/store", random.Random(seed)), time.monotonic()
        open_store(world.url).put("made first")
        world.run(kills)
        parts = Counter(key.rpartition("/")[2] for key in open_store(world.url).backend.list("collections"))
        found = faults(world)
        print(
            f"{kills} kills (seed {seed}) in {time.monotonic() - began:.0f} s, {world.killed['writers']} of writers and "
            f"{world.killed['collectors']} of collectors at the end too; {len(world.told)} writes were acknowledged, the slowest "
            f"took {max((told.seconds for told in world.told), default=0.0):.1f} s; {parts['plan.json']} collections moved "
            f"content, {parts['ended.json']} deleted it. {len(found) or 'No'} faults."
        )
        print(*found[:20], sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(main(int(given[0]) if given else KILLS, str(Path(given[1])) if given[1:] else None))
