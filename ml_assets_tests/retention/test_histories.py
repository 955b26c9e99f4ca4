"""Random histories of a store with writers and collectors at work: nothing that is kept is lost, everything else goes.

Writers interleave with collectors at a chosen request, and collectors die at a chosen write. The oracle is a second, naive
statement of what is kept. Writers keep the one promise that is asked of them: less than a grace period passes from the first
byte of a version to its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import Collected, Refused, StoreError
from ml_assets.problem import Keep
from ml_assets.promotion.pins import Pins
from ml_assets.retention import Retention
from ml_assets.store import Content, Manifest, Store, VersionKey
from ml_assets.store import Input as Read
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.clocked import Clocked

GRACE, DAY = 14.0, 86400.0
RULES = {"features": Keep(partitions=2, versions=1)}
PROBLEM = replace(umbrellas.PROBLEM, keep=RULES)
MONTHS = ("2024-01", "2024-02", "2024-03")
BRANCHES = ("main", "lab")
LEDGER = "umbrellas/ledger"


@dataclass
class Writer:
    """Somebody who has put the bytes of a version and will commit and name it."""

    manifest: Manifest
    value: int
    began: float
    is_committed: bool = False


@dataclass
class History:
    """What happened to a store, and what it must hold for it."""

    backend: Clocked
    writers: list[Writer] = field(default_factory=list)
    made: dict[VersionKey, Writer] = field(default_factory=dict)
    committed: dict[VersionKey, float] = field(default_factory=dict)
    logs: dict[tuple[str, str, str | None], list[VersionKey]] = field(default_factory=dict)
    pins: set[VersionKey] = field(default_factory=set)

    @property
    def store(self) -> Store:
        return Store(self.backend, user="ada")

    @property
    def retention(self) -> Retention:
        return Retention(self.store, [PROBLEM], GRACE)

    def do(self, action: tuple[Any, ...]) -> None:
        name, *arguments = action
        getattr(self, name)(*arguments)

    # ------------------------------------------------------------ what happens

    def put(self, noun: str, month: str, value: int, of: int, recorded: bool) -> None:
        inputs = [key for key in self._some(of) if self._lies_in_place(key)]
        content = self.store.put({"value": value})
        made_by = {"computation": {"key": "0" * 64}, "source": "0" * 64} if recorded else {}
        manifest = Manifest(
            f"umbrellas/{noun}",
            month,
            content,
            inputs=tuple(Read(key.asset, key, "0" * 64) for key in inputs),
            code=made_by,
            environment="0" * 64,
            run=str(len(self.writers)),
        )
        self.writers.append(Writer(manifest, value, self.backend.now))

    def commit(self, n: int) -> None:
        for writer in self._at_work(n):
            key = self.store.commit(writer.manifest)
            self.committed.setdefault(key, self.backend.now)
            self.made[key] = writer

    def name(self, n: int, branch: str) -> None:
        for writer in self._at_work(n):
            self.commit(n)
            key = writer.manifest.key
            self.store.on(branch).name(writer.manifest, why="made")
            own = self._log(branch, key.asset, key.partition)
            own += [key] if own[-1:] != [key] else []

    def make(self, noun: str, month: str, value: int, of: int, recorded: bool) -> None:
        self.put(noun, month, value, of, recorded)
        self.name(len(self.writers) - 1, "main")

    def move(self, n: int, branch: str, log: str) -> None:
        for key in self._some(n):
            asset, partition = (LEDGER, None) if log == "ledger" else (key.asset, key.partition)
            own = self._log(branch, asset, partition)
            try:
                self.store.on(branch).move(asset, partition, key, expected=len(own), why="moved")
            except Collected:
                assert not self._is_readable(key)
            else:
                own.append(key)

    def pin(self, n: int) -> None:
        for key in self._some(n):
            try:
                Pins.about(self.store, key).pin(key, why="a paper cites it")
            except (Collected, Refused):
                return
            self.pins.add(key)

    def unpin(self, n: int) -> None:
        for key in self._some(n):
            if key in self.pins:
                Pins.about(self.store, key).unpin(key, why="it is out")
                self.pins.remove(key)

    def wait(self, days: int) -> None:
        self.backend.now += days * DAY

    def collect(self, dies_after: int | None, moment: int, meanwhile: tuple[Any, ...]) -> None:
        with self.backend.disturbed(dies_after, moment, lambda: self.do(meanwhile)):
            self.retention.collect()

    def race(self, n: int, days: int, dies_after: int | None, moment: int, meanwhile: tuple[Any, ...]) -> None:
        """Somebody finds the bytes of an old version in the store, relies on them, and names what he made after a collection."""
        for key in self._some(n):
            self.put("features", MONTHS[-1], self.made[key].value, n, False)
            number = len(self.writers) - 1
            self.collect(dies_after, moment, meanwhile)
            self.wait(days)
            self.name(number, "main")

    def undo(self) -> None:
        self.retention.undo()

    # ------------------------------------------------------------ what must hold

    def roots(self) -> Iterator[VersionKey]:
        yield from self.pins
        yield from (key for key, at in self.committed.items() if at > self.backend.now - GRACE * DAY)
        months = sorted({month for _, asset, month in self.logs if asset == "umbrellas/features" and month})
        for (_, asset, month), targets in self.logs.items():
            is_features = asset == "umbrellas/features"
            if asset == LEDGER:
                yield from targets
            elif not is_features or month in months[-2:]:
                yield from list(dict.fromkeys(reversed(targets)))[: 1 if is_features else 3]

    def check(self) -> None:
        roots = set(self.roots())
        for key in roots:
            assert self._is_readable(key), f"{key} is kept, and lost"
            if self.made[key].manifest.code:
                assert all(self._can_be_had(read.key) for read in self.made[key].manifest.inputs)

    def _can_be_had(self, key: VersionKey) -> bool:
        manifest = self.made[key].manifest
        if self._is_readable(key) or key.asset == "umbrellas/features":
            return True  # features: the rule insists
        return bool(manifest.code) and all(self._can_be_had(read.key) for read in manifest.inputs)

    def check_what_is_left(self) -> None:
        """Long after everything, nothing is there but what is kept."""
        for _ in range(4):
            self.wait(15)
            self.retention.collect()
        retention = self.retention
        retention.foresee(self.backend.now)
        kept = {file.digest for key in retention.plan.kept for file in self.made[key].manifest.content.files}
        assert {key.rpartition("/")[2] for key in self.backend.list("blobs")} <= kept
        assert self.backend.list("trash") == []

    # ------------------------------------------------------------ inside

    def _at_work(self, n: int) -> list[Writer]:
        """The writer of this number, if it is in time."""
        return [
            writer
            for writer in self.writers[n % max(len(self.writers), 1) :][:1]
            if self.backend.now - writer.began < GRACE * DAY
        ]

    def _some(self, n: int) -> list[VersionKey]:
        known = list(self.made)
        return known[n % len(known) :][:1] if known else []

    def _log(self, branch: str, asset: str, partition: str | None) -> list[VersionKey]:
        return self.logs.setdefault((branch, asset, partition), [])

    def _lies_in_place(self, key: VersionKey) -> bool:
        digests = {name.rpartition("/")[2] for name in self.backend.objects if name.startswith("blobs/")}
        return all(file.digest in digests for file in self._content(key).files)

    def _content(self, key: VersionKey) -> Content:
        return self.made[key].manifest.content

    def _is_readable(self, key: VersionKey) -> bool:
        try:
            found = self.store.load(key)
        except StoreError:
            return False
        assert found == {"value": self.made[key].value}
        return True


number = st.integers(0, 50)
what = st.sampled_from(("dataset", "features")), st.sampled_from(MONTHS), st.integers(0, 30), number, st.booleans()
quick = st.one_of(
    st.tuples(st.just("put"), *what),
    st.tuples(st.just("make"), *what),
    st.tuples(st.just("make"), *what),
    st.tuples(st.just("commit"), number),
    st.tuples(st.just("name"), number, st.sampled_from(BRANCHES)),
    st.tuples(st.just("move"), number, st.sampled_from(BRANCHES), st.sampled_from(("ledger", "own"))),
    st.tuples(st.just("pin"), number),
    st.tuples(st.just("unpin"), number),
    st.tuples(st.just("wait"), st.integers(1, 13)),
    st.tuples(st.just("wait"), st.integers(1, 13)),
)
disturbance = st.none() | st.integers(0, 12), st.integers(1, 60), quick
action = st.one_of(
    quick,
    quick,
    st.tuples(st.just("collect"), *disturbance),
    st.tuples(st.just("race"), number, st.integers(0, 13), *disturbance),
    st.tuples(st.just("undo")),
)


@settings(max_examples=100)
@given(st.booleans(), st.lists(action, min_size=10, max_size=60))
def test_whatever_happens_nothing_that_is_kept_is_lost_and_all_else_goes(
    keeps_times: bool, actions: list[tuple[Any, ...]]
) -> None:
    history = History(Clocked(keeps_times=keeps_times))
    history.store.put("so that there is a store")
    for one in actions:
        history.do(one)
        history.check()
    history.check_what_is_left()
    history.check()
