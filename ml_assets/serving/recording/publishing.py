"""From a file of the spool to batches of the log of answers: each once, whatever was interrupted before.

A batch is called by its place in the spool, and its entry in the log says so. Where it may have been entered already, by this
process before a store did not answer or by one that is gone, the log is read first. Content and manifest follow from the file
alone, so that what was written before the interruption is what is written again.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ml_assets.computation.answered import BATCH, entered, log_of_answers
from ml_assets.errors import RefMoved
from ml_assets.lineage.answers import BRANCH, FIRST, HASHED, LAST, WITHOUT, place
from ml_assets.serving.recording import spool
from ml_assets.serving.recording.rows import Batch, batches
from ml_assets.store import Input, Manifest, Store, VersionKey

RACES = 100  # how often an entry is tried again because others entered theirs first


@dataclass
class Published:
    """A file that is in the log: its rows by what was asked, and the bytes of its torn tail."""

    rows: Counter[str] = field(default_factory=Counter)
    torn: int = 0


def publish(store: Store, file: Path, *, is_new: bool) -> Published:
    """Enter the batches of a file in the log.

    Args:
        is_new: nobody has tried it before, so that nothing of it is in the log.
    Raises:
        StoreError, OSError: if the store does not take them now; some may be entered.
    """
    frames, torn = spool.read(file)
    done = Published(torn=torn)
    for number, batch in enumerate(batches(frames)):
        name = f"{file.parent.name}/{file.stem}/{number}"
        done.rows[batch.told["name"]] += _enter(store, batch, name, is_new=is_new)
    return done


def _enter(store: Store, batch: Batch, name: str, *, is_new: bool) -> int:
    """How many rows are in the log now."""
    asset, partition = log_of_answers(batch.told["problem"]), place(batch.day, batch.told["line"])
    if not is_new and any(entry.details[BATCH] == name for entry in entered(store, batch.told["problem"], partition)):
        return batch.rows
    frame = batch.frame()
    first, last = (frame["answered_at"].agg(end).isoformat() for end in ("min", "max"))
    manifest = Manifest(
        asset,
        partition,
        store.put(frame),
        inputs=tuple(Input("model", model, store.manifest(model).content.digest) for model in batch.models),
        metrics={"rows": len(frame)},
        notes={
            "rows": len(frame), "name": batch.told["name"], "share": batch.told["share"], FIRST: first, LAST: last,
            WITHOUT: batch.told["without"], HASHED: batch.told["hashed"], BATCH: name,
        },
        branch=store.branch,
        by=store.user,
        created_at=last,
    )  # fmt: skip
    _append(store, store.commit(manifest), f"{len(frame)} rows were answered", {BATCH: name, BRANCH: store.branch})
    return len(frame)


def _append(store: Store, key: VersionKey, why: str, details: dict[str, str]) -> None:
    for _ in range(RACES):
        head = store.head(key.asset, key.partition)
        is_own = head is not None and head.details[BRANCH] == store.branch
        with suppress(RefMoved):
            expected = head.n if head and is_own else 0
            store.move(key.asset, key.partition, key, expected=expected, why=why, details=details)
            return
    raise RefMoved(
        f"The log of {key.asset} {key.partition} was moved by others {RACES} times in a row. It is tried again."
    )
