"""How often an object store is asked: by a chain of assets, by a run with nothing to do, a plan and a history.

Each waits tens of milliseconds for its reply, and each is paid for. Counted at the backend, which needs no server; with
--ceph also where a real one is asked. Every line is a process of its own on a machine that made the partitions before: what
never changes it finds in the folder of copies.

    python -m benchmarks.requests [--ceph]
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.landing_tick import ceph
from ml_assets.computation.chain import chain_of
from ml_assets.computation.planner import Planner
from ml_assets.computation.reuse import given
from ml_assets.lineage.report import report
from ml_assets.orchestration import build_definitions
from ml_assets.partitions.calendar import Monthly
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Copies, CopyFolder, LandingFolder, Store, open_backend
from ml_assets.store.backends.backend import Place
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.bucket import Bucket
from ml_assets_tests.doubles.world import World, build

PROBLEM = replace(umbrellas.PROBLEM, partitions=Monthly("2024-01", "2024-11"))
CHAIN = chain_of(PROBLEM)
MONTHS = PROBLEM.partitions.keys()
MEASURED = MONTHS[3]  # the first whose windows are full
ROOM = 1 << 30
ROW = "{:34} {:>9} {:>9}"


@dataclass(frozen=True)
class Count:
    """How often a store and its landing folder were asked, and how often we claim at most."""

    what: str
    requests: int
    at_most: int

    @property
    def holds(self) -> bool:
        return self.requests <= self.at_most


@dataclass
class Machine:
    """A machine with a folder of copies, and the places that its processes ask.

    Attributes:
        asked: how often they were asked so far.
    """

    folder: Path
    place: Place
    landing: Place
    asked: Callable[[], int]
    _world: World = field(init=False)

    def __post_init__(self) -> None:
        self._world = build(self.folder / "world", [PROBLEM])
        for month in MONTHS:
            LandingFolder(self.landing).write(f"umbrellas/visits/{month}.parquet", umbrellas.visits(month))

    def store(self) -> Store:
        """As a new process opens it."""
        copies = Copies(self.place.url, CopyFolder(self.folder / "copies", ROOM))
        return Store(self.place, user="ada", copies=copies)

    def run(self, month: str) -> None:
        store, landing = self.store(), LandingFolder(self.landing)
        definitions = build_definitions([PROBLEM], store, landing)
        replace(self._world, store=store, landing=landing, definitions=definitions).must_run(PROBLEM, month)

    def plan(self, *months: str) -> None:
        store = self.store().at_a_glance(len(CHAIN) * len(months))
        landing = LandingFolder(self.landing).at_a_glance(len(months))
        planned = Planner(PROBLEM, store, landing, given(PROBLEM, PROBLEM.params, PROBLEM.seed)).plan(CHAIN, months)
        assert {one.state for one in planned} == {"current"}, planned

    def count(self, what: str, do: Callable[[], Any], at_most: int) -> Count:
        before = self.asked()
        do()
        return Count(what, self.asked() - before, at_most)


def counts(machine: Machine, months: Sequence[str] = MONTHS, measured: str = MEASURED) -> list[Count]:
    before, after = months[: months.index(measured)], months[months.index(measured) + 1 :]
    for month in before:
        machine.run(month)
    chain = machine.count(f"chain of {len(CHAIN)}", lambda: machine.run(measured), 150)
    for month in after:
        machine.run(month)
    return [
        chain,
        machine.count("nothing changed", lambda: machine.plan(measured), 20),
        machine.count(f"plan of {len(CHAIN) * len(months)}", lambda: machine.plan(*months), 40),
        machine.count(f"history of {len(months)}", lambda: report(machine.store().at_a_glance(), PROBLEM.name), 15),
        machine.count("champion --log", lambda: Ledger(machine.store(), PROBLEM.name, None).moves(), 5),
    ]


def count(months: Sequence[str] = MONTHS, measured: str = MEASURED) -> list[Count]:
    """Without a server."""
    with tempfile.TemporaryDirectory() as folder:
        store, landing = Bucket("s3://bucket/store"), Bucket("s3://bucket/landing")
        machine = Machine(Path(folder), store, landing, lambda: len(store.asked) + len(landing.asked))
        return counts(machine, months, measured)


def count_on_ceph() -> list[Count]:
    """With a real one."""
    with tempfile.TemporaryDirectory() as folder, ceph() as place, counted() as asked:
        store, landing = open_backend(f"{place}/store"), open_backend(f"{place}/landing")
        found = counts(Machine(Path(folder), store, landing, lambda: len(asked)))
    return [replace(each, what=f"{each.what}, Ceph") for each in found]


@contextmanager
def counted() -> Iterator[list[str]]:
    """Whatever obstore is asked for, a page of a listing each."""
    import obstore

    asked: list[str] = []

    def once(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **kwargs: (asked.append(name), real(*args, **kwargs))[1]

    def by_page(real: Callable[..., Any]) -> Callable[..., Any]:
        def pages(*args: Any, **kwargs: Any) -> Iterator[Any]:
            asked.append("list")  # also the one that finds nothing
            for n, page in enumerate(real(*args, **kwargs)):
                asked.extend(["list"] if n else [])
                yield page

        return pages

    patches = {name: once(name, getattr(obstore, name)) for name in ("get", "put", "head", "delete")}
    with mock.patch.multiple(obstore, **patches, list=by_page(obstore.list)):
        yield asked


def table(found: list[Count]) -> Iterator[str]:
    yield ROW.format("requests to an object store", "requests", "claimed")
    for each in found:
        yield ROW.format(each.what, each.requests, f"<= {each.at_most}") + ("" if each.holds else "  does not hold")


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    measured = [*count(), *(count_on_ceph() if "--ceph" in sys.argv else [])]
    print(*table(measured), sep="\n")
    sys.exit(0 if all(each.holds for each in measured) else 1)
