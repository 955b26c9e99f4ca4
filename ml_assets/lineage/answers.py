"""What was answered over HTTP, as data: the log ``PROBLEM/answers``, which `ml-assets serve --record` appends to.

    refs/main/flight_delays/answers/2026-11-30/0000000001.json    ──▶ a batch of answers of that day, UTC
    refs/main/arrival_minutes/answers/2026-11-30=2FEWR/…          the same of a line of partitions that has a champion of its own

Each entry of a day's log names a batch, a table with a row for each row that was answered, and all entries count, not only the
newest. An entry says in ``details`` which batch it is: the same one is never entered twice. The columns:

    request_id, row        the request, and the place in it
    name                   what was asked: flight_delays, or arrival_minutes@EWR
    answered_at            when, UTC
    entity, event_time     of whom and of when, where the request said it
    feature_…              each feature as the model was given it, in its type
    prediction…            as batch predictions have it: prediction, prediction_lower, prediction_3
    model_version          who answered
    raw                    whether the features were made of raw rows

A column may be left out, or hold keyed digests instead of values: the manifest of the batch says which, in its notes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ml_assets.computation.answered import entered
from ml_assets.errors import UsageError
from ml_assets.store import Manifest, Store

if TYPE_CHECKING:
    import pandas as pd

BRANCH = "branch"
"""In an entry's details: on which branch it was entered."""
FIRST, LAST, WITHOUT, HASHED = "first", "last", "without", "hashed"
"""In a manifest's notes: when the first and the last row were answered, and what became of columns."""


def answers_between(
    store: Store, problem: str, line: str | None, start: datetime, end: datetime
) -> Iterator[pd.DataFrame]:
    """The rows that were answered from ``start`` until before ``end``, a frame per batch: day after day, then as entered.

    Within a batch rows are in the order of their answers; batches of several workers overlap. Frames differ in columns where
    models do, or requests: ``entity`` and ``event_time`` are there where requests said them. Each holds a batch in memory.

    Args:
        line: of the partitions, where each has a champion of its own; None: the problem's only one.
        start, end: with their zone.
    Raises:
        UsageError: if a time has no zone.
        MissingBlob, CorruptBlob: if a batch is gone or changed.
    """
    for manifest in batches_between(store, problem, line, start, end):
        frame = store.get(manifest.content, of=str(manifest.key))
        within = frame[(frame["answered_at"] >= start) & (frame["answered_at"] < end)]
        if len(within):
            yield within.reset_index(drop=True)


def batches_between(store: Store, problem: str, line: str | None, start: datetime, end: datetime) -> Iterator[Manifest]:
    """The batches that have answers from ``start`` until before ``end``, by their manifests; see ``answers_between``."""
    if start.tzinfo is None or end.tzinfo is None:
        raise UsageError("A time without a zone says nothing about answers. Give it in UTC: datetime(…, tzinfo=UTC).")
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    for days in range((last.date() - first.date()).days + 1):
        for manifest in batches_of(store, problem, place(first + timedelta(days=days), line)):
            if _instant(manifest, LAST) >= first and _instant(manifest, FIRST) < last:
                yield manifest


def batches_of(store: Store, problem: str, partition: str) -> Iterator[Manifest]:
    """The batches of a day, and of a line if it has one, by their manifests, as entered."""
    for entry in entered(store, problem, partition):
        yield store.manifest(entry.target)


def place(at: datetime, line: str | None) -> str:
    """The partition that answers of a moment belong to: ``2026-11-30``, of a line ``2026-11-30/EWR``."""
    day = at.astimezone(UTC).date().isoformat()
    return day if line is None else f"{day}/{line}"


def day_and_line(partition: str) -> tuple[str, str | None]:
    """The inverse of ``place``."""
    day, has_line, line = partition.partition("/")
    return day, line if has_line else None


def hashed(key: str, value: Any) -> str:
    """What is kept of a value of a hashed column: HMAC-SHA-256 of it as text, a time as ISO 8601 has it."""
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _instant(manifest: Manifest, name: str) -> datetime:
    return datetime.fromisoformat(manifest.notes[name])
