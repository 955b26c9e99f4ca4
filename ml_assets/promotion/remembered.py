"""What a challenger is held to besides metrics, as it is known when a partition is decided: golden rows and past failures.

    failures of the partitions before it, as the branch names them        which rows went wrong, and whose answer that was
    features of those partitions, as the branch names them                these rows with the features of today's code
    the newest decision before it                                         which failures were mended, and by which model
    the log of what was retired                                           which no longer count
    the landed file of golden rows, if there is one

None of it is an input in the graph of assets; a decision reads it as it reads the ledger, and records exactly which versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ml_assets.assets import noun_that
from ml_assets.errors import InvalidProblem, NotLanded
from ml_assets.evaluation.failures import FAILURE, PARTITION, problem_keys
from ml_assets.problem import FAILURES, Files, Problem
from ml_assets.promotion.retired import Retired
from ml_assets.store import Handle, LandingFolder, Store, digest

if TYPE_CHECKING:
    import pandas as pd

PARTITIONS = 24  # before the one that is decided: their failures are remembered
READERS = 16  # manifests that are read at the same time
ABSENT = "not there"
MENDED = "mended"
REGRESSIONS = "regressions"
"""In a decision: what became of the rows that must not go wrong."""


@dataclass(frozen=True)
class Remembered:
    """What there is.

    Attributes:
        failures: partition -> its failures, where it has any.
        features: partition -> its features, of each in which a row is named.
        before: the newest decision of an earlier partition.
        retired: failures that no longer count.
        golden: what the file names: ``partition``, ``entity``, ``event_time``; None: no file names rows.
        file: its name and digest.
    """

    failures: Mapping[str, Handle] = field(default_factory=dict)
    features: Mapping[str, Handle] = field(default_factory=dict)
    before: Handle | None = None
    retired: frozenset[str] = frozenset()
    golden: pd.DataFrame | None = None
    file: tuple[str, str] | None = None

    @property
    def reads(self) -> dict[str, str]:
        """What a decision depends on -> digest."""
        read = {f"{handle.name} of {key}": handle.digest for key, handle in self._by_partition}
        if self.before is not None:
            read["decision before"] = self.before.digest
        if self.retired:
            read["retired failures"] = digest("\n".join(sorted(self.retired)).encode())
        return read | ({f"landed {self.file[0]}": self.file[1]} if self.file else {})

    @property
    def inputs(self) -> tuple[Handle, ...]:
        """The exact versions that are read."""
        return (*(handle for _, handle in self._by_partition), *([self.before] if self.before else []))

    @property
    def mended(self) -> dict[str, str]:
        """Failure -> version of the model that mended it, by the newest decision."""
        return mended_by(self.before.load()) if self.before else {}

    def failure_rows(self) -> dict[str, pd.DataFrame]:
        """Partition -> its failures, without those that were retired; none where none is left."""
        loaded = {key: handle.load() for key, handle in self.failures.items()}
        kept = {key: rows[~rows[FAILURE].isin(self.retired)] for key, rows in loaded.items()}
        return {key: rows.reset_index(drop=True) for key, rows in kept.items() if len(rows)}

    def golden_rows(self) -> dict[str, pd.DataFrame]:
        """Partition -> the rows that the file names in it."""
        if self.golden is None:
            return {}
        return {str(key): rows.reset_index(drop=True) for key, rows in self.golden.groupby(PARTITION, sort=True)}

    @property
    def _by_partition(self) -> list[tuple[str, Handle]]:
        return [*self.failures.items(), *self.features.items()]


def mended_by(decision: Mapping[str, Any]) -> dict[str, str]:
    """Failure -> version of the model that mended it, as a decision says."""
    told: Mapping[str, list[str]] = decision.get(REGRESSIONS, {}).get(MENDED, {})
    return {failure: version for version, of in told.items() for failure in of}


def remembered(problem: Problem, store: Store, landing: LandingFolder, partition: str) -> Remembered:
    """What a challenger of ``partition`` is held to, as the branch knows it now.

    Raises:
        InvalidProblem: if the file of golden rows does not name rows.
        UnreadableFile: if it is not of its format.
    """
    source, held = problem.golden, problem.held_to(FAILURES)
    golden, file = _golden(problem, landing, source, partition) if isinstance(source, Files) else (None, None)
    if held is None and golden is None:
        return Remembered(file=file)
    earlier = problem.partitions.window(partition, PARTITIONS + 1)[:-1] if held else []
    failures = _with_any(_named(store, problem, noun_that("remembers"), earlier))
    asked = dict.fromkeys([*failures, *([] if golden is None else sorted(golden[PARTITION].unique()))])
    decisions = _named(store, problem, noun_that("decides"), earlier)
    return Remembered(
        failures,
        _named(store, problem, noun_that("derives"), [*asked]),
        decisions[max(decisions)] if decisions else None,
        frozenset(Retired.of(store, problem, partition).failures()) if failures else frozenset(),
        golden,
        file,
    )


def _named(store: Store, problem: Problem, noun: str, partitions: list[str]) -> dict[str, Handle]:
    """What the branch names, by partition, in their order; read under a name that no declared input has."""
    heads = store.heads(f"{problem.name}/{noun}", partitions)
    return {key: Handle(store, heads[key].target, f"remembered {noun}") for key in partitions if key in heads}


def _with_any(failures: dict[str, Handle]) -> dict[str, Handle]:
    with ThreadPoolExecutor(READERS) as pool:
        manifests = pool.map(attrgetter("manifest"), failures.values())
        return {
            key: failures[key]
            for key, manifest in zip([*failures], manifests, strict=True)
            if manifest.notes["failures"]
        }


def _golden(
    problem: Problem, landing: LandingFolder, source: Files, partition: str
) -> tuple[pd.DataFrame | None, tuple[str, str]]:
    """The rows that a landed file names up to a partition of a line, and the file; no rows while it has not landed."""
    name = f"{problem.name}/{source.pattern}"
    try:
        file = (name, landing.digest(name))
    except NotLanded:
        return None, (name, ABSENT)
    rows = _as_named(problem, name, _read(landing, problem, source))
    cut = problem.partitions
    counts = [cut.line(key) == cut.line(partition) and key <= partition for key in rows[PARTITION]]
    return rows[counts].drop_duplicates(ignore_index=True), file


def _read(landing: LandingFolder, problem: Problem, source: Files) -> pd.DataFrame:
    folder = landing.source(problem.name, {PARTITION: "str", **source.types})
    if source.read_as == "csv":
        separator = source.separator or ("\t" if ".tsv" in source.pattern else ",")
        return folder.csv(source.pattern, separator=separator, decimal=source.decimal, encoding=source.encoding)
    read: Any = getattr(folder, source.read_as)
    table: pd.DataFrame = read(source.pattern)
    return table


def _as_named(problem: Problem, name: str, rows: pd.DataFrame) -> pd.DataFrame:
    keys = problem_keys(problem)
    lacking = [column for column in (PARTITION, *keys.values()) if column not in rows]
    if lacking:
        raise InvalidProblem(
            f"Problem {problem.name!r}: {name} names golden rows, and lacks {', '.join(map(repr, lacking))}. Each row says its "
            f"partition, and what tells it apart there: {', '.join((PARTITION, *keys.values()))}."
        )
    named = rows[[PARTITION, *keys.values()]].set_axis([PARTITION, *keys], axis=1)
    return named.assign(**{PARTITION: named[PARTITION].astype(str)})
