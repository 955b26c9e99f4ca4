"""What the pods of a run report, read from Dagster's event log as it grows."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
from dagster._core.event_api import EventLogCursor
from dagster._core.events import DagsterEvent

PAGE = 1_000
ALL = set(dg.DagsterEventType)
AGAIN = 200  # numbers: those that are given while one event is being committed are far fewer


class EventTail:
    """The events of a run, each given once.

    In PostgreSQL an event may appear after one that has a higher number, since its number is given before it is committed: the
    last numbers are looked at again. (Dagster's own executors do not, unless told to.)
    """

    def __init__(self, instance: dg.DagsterInstance, run: str) -> None:
        self._instance, self._run = instance, run
        self._highest = 0
        self._seen: set[int] = set()

    def fresh(self) -> Iterator[DagsterEvent]:
        """Those that were not given before."""
        after = max(0, self._highest - AGAIN)
        self._seen = {number for number in self._seen if number > after}
        more = True
        while more:
            page = self._instance.get_records_for_run(
                self._run, EventLogCursor.from_storage_id(after).to_string(), of_type=ALL, limit=PAGE
            )
            for record in page.records:
                after = max(after, record.storage_id)
                event = record.event_log_entry.dagster_event
                if record.storage_id not in self._seen and event is not None:
                    self._seen.add(record.storage_id)
                    self._highest = max(self._highest, record.storage_id)
                    yield event
            more = page.has_more and bool(page.records)
