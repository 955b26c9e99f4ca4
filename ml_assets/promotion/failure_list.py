"""The failures of a problem for people: each with its state, open, mended or retired; also those that decisions forget by now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ml_assets.assets import noun_that
from ml_assets.evaluation.failures import ENTITY, ERROR, EVENT_TIME, FAILURE, MODEL, ROWS
from ml_assets.problem import Problem
from ml_assets.promotion.named_rows import told_of
from ml_assets.promotion.remembered import mended_by
from ml_assets.promotion.retired import Retired
from ml_assets.store import RefEntry, Store, VersionKey


@dataclass(frozen=True)
class KnownFailure:
    """One failure.

    Attributes:
        rows: how many rows are alike.
        state: open, mended or retired.
        failed, mended: version of the model whose answer it was, and of the one that mended it; empty: none did.
        since: when it was found (ISO 8601, UTC).
        found_in: the version of the asset that has it.
        why: of a retired one: who retired it, when and why.
    """

    failure: str
    partition: str
    entity: str
    event_time: str | None
    label: float
    error: float
    rows: int
    state: str
    failed: str
    mended: str
    since: str
    found_in: VersionKey
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "found_in": self.found_in.version}


def failures_of_problem(store: Store, problem: Problem) -> list[KnownFailure]:
    """All failures of a problem, line by line, oldest partition first, of each the largest first."""
    found = _by_line(store, problem, noun_that("remembers"))
    decided = _by_line(store, problem, noun_that("decides"))
    return [
        one
        for line, versions in found.items()
        for one in _of_line(store, versions, decided.get(line, {}), Retired(store, problem.name, line).failures())
    ]


def _by_line(store: Store, problem: Problem, noun: str) -> dict[str | None, dict[str, VersionKey]]:
    """What the branch names for each partition of each line, oldest first."""
    asset = f"{problem.name}/{noun}"
    heads = store.heads(asset, store.partitions(asset))
    found: dict[str | None, dict[str, VersionKey]] = {}
    for key in sorted(map(str, heads)):
        found.setdefault(problem.partitions.line(key), {})[key] = heads[key].target
    return found


def _of_line(
    store: Store, found: Mapping[str, VersionKey], decided: Mapping[str, VersionKey], retired: Mapping[str, RefEntry]
) -> Iterator[KnownFailure]:
    mended = {name: by for key in decided.values() for name, by in mended_by(store.load(key)).items()}
    for partition, key in found.items():
        yield from _of(store, partition, key, mended, retired)


def _of(
    store: Store, partition: str, key: VersionKey, mended: dict[str, str], retired: Mapping[str, RefEntry]
) -> list[KnownFailure]:
    since, found = store.manifest(key).created_at, []
    for row in map(told_of, store.load(key).to_dict(orient="records")):
        name, entry = row[FAILURE], retired.get(row[FAILURE])
        state = "retired" if entry else "mended" if name in mended else "open"
        why = f"{entry.by}, {entry.at[:10]}: {entry.why}" if entry else ""
        identity = (name, partition, str(row[ENTITY]), row.get(EVENT_TIME), row["label"], row[ERROR], row[ROWS], state)
        found.append(KnownFailure(*identity, row[MODEL], mended.get(name, ""), since, key, why))
    return found
