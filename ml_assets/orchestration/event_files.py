"""The SQLite files that a run's events go to, held open while it runs.

Dagster connects and disconnects for each event, several times. Whoever closes a file that nobody else has open writes its
log back and removes it, waiting for the disk each time: of seven steps that is a third of a second. With another storage
there is nothing to hold.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import dagster as dg


@contextmanager
def held_open(instance: dg.DagsterInstance, run: str) -> Iterator[None]:
    """Hold the files of a run's events open, if they are SQLite's. No lock is held: everybody reads and writes as before."""
    # SQLAlchemy comes with it, which the code location does without
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage

    storage = instance.event_log_storage
    with ExitStack() as held:
        if isinstance(storage, SqliteEventLogStorage):
            for shard in (INDEX_SHARD_NAME, run):
                _hold(Path(storage.path_for_shard(shard)), held)
        yield


def _hold(file: Path, held: ExitStack) -> None:
    if not file.exists():  # connecting would make it, and Dagster take it for one that has its tables
        return
    # a generator that nobody finishes is closed by whichever thread finds it
    connection = held.enter_context(closing(sqlite3.connect(file, check_same_thread=False)))
    connection.execute("SELECT count(*) FROM sqlite_master").fetchall()  # SQLite opens a file when it is first read
