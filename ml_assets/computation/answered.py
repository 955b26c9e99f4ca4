"""Which batches of answers over HTTP monitoring reads for a partition: those of its days, and of as many days before.

What is asked of a partition may be asked before it begins. Answers lie in the log ``PROBLEM/answers``, a day (UTC) each; what
live looks found of a partition, before its rows landed, in the log ``PROBLEM/live``, and is read, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC
from typing import NamedTuple

from ml_assets.problem import Problem
from ml_assets.promotion.log import Log
from ml_assets.store import RefEntry, Store, VersionKey, digest

ANSWERS = "answers"
"""The name of the log, beside the problem's assets."""
BATCH = "batch"
"""In an entry's details: which batch it is."""
NO_ANSWERS = "none"
LIVE = "live"
"""The name of the log of live looks."""
Named = Callable[[str], Sequence[str | None]]
"""A log -> its partitions."""
OF_MODEL = "model"
"""In an entry's details: whose answers were looked at."""


class Heard(NamedTuple):
    """What is read of a partition beside its assets: entries of the two logs."""

    answers: Sequence[RefEntry]
    looks: Sequence[RefEntry] = ()


def log_of_answers(problem: str) -> str:
    """The log's name in the store."""
    return f"{problem}/{ANSWERS}"


class Looks(Log):
    """The live looks at a partition, an entry each."""

    name = LIVE

    @classmethod
    def of(cls, store: Store, problem: Problem, partition: str) -> Looks:
        """See ``Log``: of a partition, and not of a line of them."""
        return cls(store, problem.name, partition)

    def newest(self, model: VersionKey) -> RefEntry | None:
        """The last look at what a model answered."""
        return next(reversed(self.of_model(model)), None)

    def of_model(self, model: VersionKey) -> list[RefEntry]:
        """The looks at what a model answered, oldest first."""
        return [entry for entry in self.entries() if entry.details[OF_MODEL] == str(model)]


def days_answered(problem: Problem, partition: str, known: Iterable[str | None]) -> list[str]:
    """The days of the log that are read for a partition, in order, of those that there are."""
    span, line = problem.partitions.partition(partition), problem.partitions.line(partition)
    if span.start is None or span.end is None:
        return []
    first, last = (at.astimezone(UTC).date().isoformat() for at in (span.start - (span.end - span.start), span.end))
    own = sorted(day for day in known if day is not None and day.partition("/")[2] == (line or ""))
    return [day for day in own if first <= day.partition("/")[0] <= last]


def entered(store: Store, problem: str, partition: str) -> list[RefEntry]:
    """The entries of a day: those of ``main``, then the branch's own; each batch once."""
    entries = store.full_log(log_of_answers(problem), partition)
    return [*{entry.details[BATCH]: entry for entry in entries}.values()]


def answers_read(store: Store, problem: Problem, partition: str, known: Iterable[str | None]) -> Iterator[RefEntry]:
    """The entries whose batches are read for a partition."""
    for day in days_answered(problem, partition, known):
        yield from entered(store, problem.name, day)


def heard(store: Store, problem: Problem, partition: str, named: Named | None = None) -> Heard:
    """What is read for a partition: the entries of its answers, and of the live looks at it, which there are only of answers.

    Args:
        named: what a log has been asked about before; the store, where nobody has.
    """
    named = named or store.named
    answers = [*answers_read(store, problem, partition, named(log_of_answers(problem.name)))]
    was_looked_at = bool(answers) and partition in named(f"{problem.name}/{LIVE}")
    return Heard(answers, Looks.of(store, problem, partition).entries() if was_looked_at else [])


def read_of_answers(heard: Heard) -> dict[str, str]:
    """What monitoring reads of the logs, for who asks whether it is still the same."""
    versions = [entry.target.version for entry in (*heard.answers, *heard.looks)]
    return {ANSWERS: digest("".join(versions).encode()) if versions else NO_ANSWERS}
