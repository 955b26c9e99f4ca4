"""Dagster's event log as OpenLineage events: what started, was made or used again, failed, was canceled.

The log is read from where the last look ended, which the instance remembers; so nothing waits in memory, and an endpoint that
was down for a week is told of that week, in order. How far that was is remembered after each event: whoever is killed tells
one again.

Of a step's start only the log of its own run is sure to tell (Dagster's SQLite keeps it nowhere else). So that of each run
in progress is looked into; a start that nobody saw there is told with the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import dagster as dg

from ml_assets.alerts.position import Position
from ml_assets.computation.git import repository_of
from ml_assets.computation.reuse import REUSED
from ml_assets.errors import (
    CorruptBlob,
    MirrorError,
    MirrorRefused,
    MissingBlob,
    UnknownVersion,
    UnreadableContent,
)
from ml_assets.mirrors.endpoint import Tell
from ml_assets.mirrors.events import Event, Output, Step, event
from ml_assets.orchestration.incidents import Failed, unseen
from ml_assets.orchestration.keys import asset_name, problem_of
from ml_assets.orchestration.metadata import REUSE, VERSION
from ml_assets.problem import Problem
from ml_assets.store import Check, Manifest, Store, digest

KINDS, STATUS = dg.DagsterEventType, dg.DagsterRunStatus
PLANNED, STARTED, MADE = KINDS.ASSET_MATERIALIZATION_PLANNED, KINDS.STEP_START, KINDS.ASSET_MATERIALIZATION
ENDED = {KINDS.RUN_SUCCESS: "success", KINDS.RUN_FAILURE: "failure", KINDS.RUN_CANCELED: "canceled"}
IN_PROGRESS = dg.RunsFilter(statuses=[STATUS.STARTED, STATUS.CANCELING])
DAMAGED = (CorruptBlob, MissingBlob, UnknownVersion, UnreadableContent)
OF_THE_EVENT = (400, 413, 422)  # statuses that say that this event is not wanted; others are about the address
UNTOLD = "Its run ended before it was made."

HasTime = Callable[[], bool]


@dataclass(frozen=True)
class Look:
    """What a look told.

    Attributes:
        told: how many events.
        left: whether there is more; ``trouble``: why it was not told.
        refused: events that were passed over, in words.
    """

    told: int
    left: bool
    trouble: str = ""
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Memory:
    """What is remembered between looks.

    Attributes:
        position: how far the log was read.
        begun: the steps in progress whose start was told.
        is_known: whether the endpoint ever took an event: then one that it refuses is passed over, and holds up no others.
    """

    position: Position = field(default_factory=Position)
    begun: frozenset[str] = frozenset()
    is_known: bool = False

    def to_json(self) -> str:
        """As text."""
        position = {"number": self.position.number, "seen": list(self.position.seen.items())}
        return json.dumps({**position, "begun": sorted(self.begun), "known": self.is_known})

    @classmethod
    def from_json(cls, text: str) -> Memory:
        """From text."""
        saved = json.loads(text)
        position = Position(saved["number"], {int(number): float(at) for number, at in saved["seen"]})
        return cls(position, frozenset(saved["begun"]), saved["known"])


@dataclass(frozen=True)
class Lineage:
    """The event log of an instance, told to an endpoint.

    Attributes:
        problems: whose assets are told, by name.
        landing: the address of the landing folder.
        endpoint: what tells this endpoint from others that are told, too.
    """

    instance: dg.DagsterInstance
    store: Store
    problems: Mapping[str, Problem]
    landing: str
    endpoint: str
    tell: Tell

    def look(self, now: float, has_time: HasTime = lambda: True) -> Look:
        """Tell what is new, as far as there is time and the endpoint takes it."""
        telling = _Telling(self)
        try:
            is_all = telling.of_what_ended(now, has_time) and telling.of_what_began(has_time)
        except MirrorError as trouble:
            return Look(telling.told, left=True, trouble=str(trouble), refused=telling.refused)
        return Look(telling.told, left=not is_all, refused=telling.refused)

    @property
    def _key(self) -> str:
        return f"ml_assets/openlineage/{digest(f'{self.endpoint} {self.store.url}'.encode())[:16]}"

    def memory(self) -> Memory:
        """What the instance remembers."""
        written = self.instance.daemon_cursor_storage.get_cursor_values({self._key}).get(self._key)
        memory = Memory.from_json(written) if written else Memory()
        newest = self.instance.event_log_storage.get_maximum_record_id() or 0
        was_wiped = newest < memory.position.number  # and counts from the beginning
        return Memory() if was_wiped else memory

    def remember(self, memory: Memory) -> None:
        """Have the instance remember it."""
        self.instance.daemon_cursor_storage.set_cursor_values({self._key: memory.to_json()})


class _Telling:
    """One look; ``told`` counts its events."""

    def __init__(self, lineage: Lineage) -> None:
        self.lineage, self.memory, self.told = lineage, lineage.memory(), 0
        self.refused: tuple[str, ...] = ()
        self._runs: dict[str, _RunLog] = {}

    def of_what_ended(self, now: float, has_time: HasTime) -> bool:
        """Tell what the log says that was made, and of runs that ended; whether that is all."""
        entries, unread = unseen(self.lineage.instance, self.memory.position, (MADE, *ENDED))
        for number, entry in entries:
            if not has_time():
                return False
            is_told = self._tell(self._run(entry.run_id).ends(entry))
            self.memory = replace(
                self.memory, position=self.memory.position.after({number: entry.timestamp}, now, unread)
            )
            if is_told:
                self.lineage.remember(self.memory)
        self.lineage.remember(self.memory)
        return unread is None

    def of_what_began(self, has_time: HasTime) -> bool:
        """Tell which steps of runs in progress have started; whether that is all."""
        for run in self.lineage.instance.get_runs(IN_PROGRESS):
            if not has_time():
                return False
            self._tell(self._run(run.run_id).starts())
        return True

    def _run(self, run: str) -> _RunLog:
        return self._runs.setdefault(run, _RunLog(self.lineage, run))

    def _tell(self, events: Iterable[Event]) -> bool:
        """Tell them, but no start that was told; whether there was one to tell."""
        has_told = False
        for each in events:
            step, is_start = each["run"]["runId"], each["eventType"] == "START"
            if is_start and step in self.memory.begun:
                continue
            is_known = self._is_taken(each) or self.memory.is_known
            begun = self.memory.begun | {step} if is_start else self.memory.begun - {step}
            self.memory, has_told = replace(self.memory, begun=begun, is_known=is_known), True
            if is_start:  # an end is remembered with its place in the log
                self.lineage.remember(self.memory)
        return has_told

    def _is_taken(self, event: Event) -> bool:
        """Tell it; False if that very event is not wanted."""
        try:
            self.lineage.tell(event)
        except MirrorRefused as refused:
            if not self.memory.is_known or refused.status not in OF_THE_EVENT:
                raise
            what = f"{event['eventType']} of {event['job']['name']}, run {event['run']['runId']}"
            self.refused += (f"The event {what}, is passed over. {refused}",)
            return False
        self.told += 1
        return True


class _RunLog:
    """One run, as far as an endpoint is told of it; its log is read once in a look, and only if something has to be told."""

    def __init__(self, lineage: Lineage, run: str) -> None:
        self.lineage, self.run_id = lineage, run

    def starts(self) -> Iterator[Event]:
        """Which steps have started, and made nothing yet."""
        for graph, step in self.planned:
            if graph in self.started and step.asset not in self.made:
                yield event("START", step, self.started[graph])

    def ends(self, entry: dg.EventLogEntry) -> Iterator[Event]:
        """What an entry of the log tells: each end after its start."""
        kind = entry.get_dagster_event().event_type
        yield from self._made(entry) if kind == MADE else self._unmade(ENDED[kind], entry)

    @cached_property
    def run(self) -> dg.DagsterRun | None:
        return self.lineage.instance.get_run_by_id(self.run_id)

    @cached_property
    def _logged(self) -> list[tuple[dg.DagsterEvent, float]]:
        kinds = {PLANNED, STARTED, MADE, KINDS.STEP_FAILURE}
        logged = self.lineage.instance.all_logs(self.run_id, of_type=kinds)
        return [(entry.get_dagster_event(), entry.timestamp) for entry in logged]

    @cached_property
    def planned(self) -> list[tuple[str, Step]]:
        """Assets that the run is to make, each with the name of what makes it: its step, or the graph of its steps."""
        planned = [e for e, _ in self._logged if e.event_type == PLANNED]
        steps = ((_graph(e.step_key), self._step(e.asset_key, e.partition)) for e in planned)
        return [(graph, step) for graph, step in steps if step is not None]

    @cached_property
    def started(self) -> dict[str, float]:
        """What has started -> when its first step did."""
        found: dict[str, float] = {}
        for each, at in self._logged:
            if each.event_type == STARTED:
                found.setdefault(_graph(each.step_key), at)
        return found

    @cached_property
    def made(self) -> set[str]:
        """The assets that were made."""
        return {asset_name(e.asset_key) for e, _ in self._logged if e.event_type == MADE and e.asset_key}

    def _step(self, asset: dg.AssetKey | None, partition: str | None) -> Step | None:
        """None of what is not ours."""
        problem = self.lineage.problems.get(problem_of(asset)) if asset is not None else None
        if asset is None or problem is None or self.run is None:
            return None
        times = {}
        if partition is not None and problem.partitions.has(partition):
            of = problem.partitions.partition(partition)
            times = {"begins": of.start, "ends": of.end}
        return Step(self.run_id, self.run.job_name, asset_name(asset), partition, **times)

    def _made(self, entry: dg.EventLogEntry) -> Iterator[Event]:
        ended = entry.get_dagster_event()
        made = ended.step_materialization_data.materialization
        step = self._step(made.asset_key, made.partition)
        if step is not None and VERSION in made.metadata:
            yield event("START", step, self.started.get(_graph(ended.step_key), entry.timestamp))
            yield event("COMPLETE", step, entry.timestamp, output=self._output(made, step))

    def _output(self, made: dg.AssetMaterialization, step: Step) -> Output | None:
        """None where the store has not kept it."""
        store, said = self.lineage.store, made.metadata
        manifest = self._manifest(step, str(said[VERSION].value))
        if manifest is None:
            return None
        why = str(said[REUSE].value) if REUSE in said else ""
        rows = said.get("dagster/row_count")
        return Output(
            manifest,
            reused=why.startswith(REUSED),
            why=why,
            store=store.url,
            landing=self.lineage.landing,
            columns=_columns(said.get("dagster/column_schema")),
            rows=int(str(rows.value)) if rows else None,
            repository=repository_of(self.lineage.problems[step.asset.split("/")[0]]),
        )

    def _unmade(self, how: str, entry: dg.EventLogEntry) -> Iterator[Event]:
        """Of what was started or expected, and not made: it failed, was canceled, or there was nothing to make."""
        at, why = entry.timestamp, self._failures(entry) if how == "failure" and self.planned else {}
        for graph, step in self.planned:
            if step.asset in self.made or (graph not in self.started and step.asset not in why):
                continue
            yield event("START", step, self.started.get(graph, at))
            if how == "failure":
                yield event("FAIL", step, at, error=why.get(step.asset, UNTOLD), checks=self._refused_by(graph, step))
            else:
                yield event("ABORT" if how == "canceled" else "COMPLETE", step, at)

    def _failures(self, entry: dg.EventLogEntry) -> dict[str, str]:
        """Asset -> what happened to it."""
        if self.run is None:
            return {}
        return {asset: text for asset, _, text in Failed.of(self.lineage.instance, self.run, entry).said()}

    def _refused_by(self, graph: str, step: Step) -> tuple[Check, ...]:
        """The checks of a version that was refused."""
        failures = [e.step_failure_data for e, _ in self._logged if e.is_step_failure and _graph(e.step_key) == graph]
        said: Mapping[str, Any] = next((f.user_failure_data.metadata for f in failures if f.user_failure_data), {})
        refused = self._manifest(step, str(said[VERSION].value)) if VERSION in said else None
        return refused.checks if refused else ()

    def _manifest(self, step: Step, version: str) -> Manifest | None:
        """The manifest of the version that starts so; None where it is gone or damaged: the rest is told all the same."""
        store = self.lineage.store
        try:
            return store.manifest(store.find(version, step.asset, step.partition))
        except DAMAGED:
            return None


def _columns(schema: dg.MetadataValue[Any] | None) -> dict[str, str]:
    if not isinstance(schema, dg.TableSchemaMetadataValue):
        return {}
    return {column.name: column.type for column in schema.schema.columns}


def _graph(step: str | None) -> str:
    """``tides__study`` of its step ``tides__study.trials_1[0]``."""
    return (step or "").split(".")[0].split("[")[0]
