"""Which of the partitions whose files are new is made next, and how much of the chain. Reads the store and the folder alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ml_assets.assets import asset_that, noun_that
from ml_assets.computation.chain import chain_of, data_of, scored
from ml_assets.drift.decision import Retrain, decide
from ml_assets.errors import NotLanded
from ml_assets.orchestration.freshness import newest_model_age_days
from ml_assets.problem import Problem, files_of, shared_files_of
from ml_assets.store import LandingFolder, Queue, Store, watch

DATASET = noun_that("lands")
LOOKING_SECONDS = 15  # of one tick, for comparing waiting files with what was made from them; Dagster ends it after 60


@dataclass(frozen=True)
class Landed:
    """A partition whose files are all there: the version of them, and the assets that are to be made."""

    partition: str
    version: str
    nouns: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Looked:
    """What looking into waiting partitions has found.

    Attributes:
        wanted: the first one to be made.
        into: how many were looked into; they wait no longer.
        incomplete: those of them that lack a file, or have one that is being written.
    """

    wanted: Landed | None = None
    into: int = 0
    incomplete: tuple[str, ...] = ()


@dataclass(frozen=True)
class Intake:
    """A problem's landed files, as far as they are to be made into something.

    Attributes:
        queue: is told of landed files; without one the folder is only listed.
        patience: seconds of one look into what waits.
    """

    problem: Problem
    store: Store
    landing: LandingFolder
    queue: Queue | None = None
    patience: float = LOOKING_SECONDS

    def find(self, seen: watch.Watch, now: datetime) -> watch.Found:
        """What has landed, or changed, since the folder was last seen."""
        where = (self.landing, self.problem.name, self.problem.landing_files)
        naming = self.problem.partitions
        return watch.look(*where, seen, naming=naming, store=self.store, now=now, queue=self.queue)

    def is_partition(self, key: str) -> bool:
        """Whether a key in a file's name is that of a partition which the problem has or will have."""
        return self.problem.partitions.has(key)

    def look_into(self, waiting: Sequence[str], now: datetime) -> Looked:
        """Find the first partition to be made.

        Forgotten are those that are made already, and those that lack a file: when it lands, the watch finds them again.
        Comparing reads the files: a tick that took too long would be ended by Dagster, and begin anew for ever.
        """
        incomplete: list[str] = []
        started, into = time.monotonic(), 0
        for into, partition in enumerate(waiting, start=1):
            version = self._version(partition, now)
            if version is None:
                incomplete.append(partition)
            elif not self._is_made(partition):
                return Looked(Landed(partition, version, *self.nouns(partition, now)), into, tuple(incomplete))
            if time.monotonic() - started >= self.patience:
                break
        return Looked(None, into, tuple(incomplete))

    def missing(self, partition: str) -> tuple[str, ...]:
        """The files that are not there; none if one is being written."""
        names = [*files_of(self.problem, partition), *shared_files_of(self.problem)]
        return tuple(name for name in names if self.landing.entry(name) is None)

    def past(self, waiting: Sequence[str], now: datetime) -> list[str]:
        """Those whose time has passed, or that the problem wants ahead of it, and for which all that it shares is made."""
        there = self.problem.partitions.is_there
        return [partition for partition in waiting if there(partition, now) and not self._unmade(partition)]

    def _unmade(self, partition: str) -> bool:
        """Whether something lacks that other problems are to make."""
        shared = [read for read in asset_that("lands").inputs_of(self.problem) if "/" in read.asset]
        wanted = [(read.asset, read.keys(self.problem, partition)) for read in shared]
        return any(len(self.store.heads(asset, keys)) < len(keys) for asset, keys in wanted)

    def _version(self, partition: str, now: datetime) -> str | None:
        where = (self.landing, self.problem.name, self.problem.landing_files)
        return watch.version(*where, partition, naming=self.problem.partitions, now=now)

    def _is_made(self, partition: str) -> bool:
        """Whether the published dataset was made from these very bytes."""
        entry = self.store.head(f"{self.problem.name}/{DATASET}", partition)
        if entry is None:
            return False
        read = {file.name: file.digest for file in self.store.manifest(entry.target).landed}
        try:
            return all(read.get(name) == self.landing.digest(name) for name in files_of(self.problem, partition))
        except NotLanded:  # deleted in between
            return False

    def nouns(self, partition: str, now: datetime) -> tuple[tuple[str, ...], str]:
        """As much of the chain as can be made, and why: features need the lookback, a split the window."""
        if not self._has(DATASET, partition, self.problem.lookback + 1):
            return data_of(self.problem), "The partitions before it that its features need have not been made."
        has_model = self.store.head(f"{self.problem.name}/{noun_that('trains')}", partition) is not None
        age = None if has_model else self._age_days(partition, now)
        decision = decide(self.problem.retrain_when, model_age_days=age, landed=partition, has_model=has_model)
        trains = isinstance(decision, Retrain) and self._has(noun_that("derives"), partition, self.problem.window)
        return chain_of(self.problem) if trains else scored(self.problem), " ".join(decision.reasons)

    def _age_days(self, partition: str, now: datetime) -> float | None:
        """The age of the newest model of the partition's line, where it matters: finding it reads all of them."""
        if self.problem.retrain_when.new_partition:
            return None
        return newest_model_age_days(self.problem, self.store, self.problem.partitions.line(partition), now)

    def _has(self, noun: str, partition: str, size: int) -> bool:
        """Whether the partitions before it in a window of this size have been made."""
        before = self.problem.partitions.window(partition, size)[:-1]
        return len(self.store.heads(f"{self.problem.name}/{noun}", before)) == len(before)
