"""Dagster's event log as happenings: runs that failed, assets that were made (or models that were not promoted), staleness.

A run fails with an event of its own however it ends: in a step, while it is launched, because its machine vanished (run
monitoring says so then). What failed are its steps, or, where none did, the first asset that it should still have made:
a finding is always about an asset's partition, and over when that is made. A version that was refused by a blocking check
ends its step, so check and run are one incident. A run that somebody cancelled is none.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from ml_assets.alerts.alert import Alert
from ml_assets.alerts.outbox import Happening, Outbox
from ml_assets.alerts.position import Position
from ml_assets.assets import noun_that
from ml_assets.orchestration.audit import COMMAND, REGRETTED
from ml_assets.orchestration.keys import asset_name, problem_of
from ml_assets.orchestration.messages import message_of
from ml_assets.orchestration.monitoring import ALARMS
from ml_assets.orchestration.skew import SKEWED

FAILED, MADE, AGED = (
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.FRESHNESS_STATE_CHANGE,
)
AT_ONCE = 500  # events of a kind that one look reads
ALERTS_AT_ONCE = 20  # that one look finds; what is left is found by the next
NOT_PROMOTED = {"keep": "was not promoted", "cannot_tell": "was not promoted: undecided"}
PROPOSED = {"propose": "is proposed as champion, and waits for approval"}


@dataclass(frozen=True)
class Log:
    """The event log of an instance, as far as alerts read it.

    Attributes:
        location: the code location whose runs are watched; None for all.
        ui: where people reach the Dagster UI, for links; empty: there are none.
    """

    instance: dg.DagsterInstance
    location: str | None = None
    ui: str = ""

    def newest(self) -> int:
        """The number of the newest event."""
        return self.instance.event_log_storage.get_maximum_record_id() or 0

    def read_into(self, outbox: Outbox, now: float) -> Outbox:
        """The outbox after what it has not seen yet, or after a first part of it where there is much."""
        if self.newest() < outbox.position:  # the instance was wiped, and counts from the beginning
            outbox = Outbox(self.newest(), known=outbox.known, waiting=outbox.waiting)
        entries, unread = unseen(self.instance, outbox.read, (FAILED, MADE, AGED))
        happenings: list[Happening] = []
        for number, entry in entries:
            if sum(len(happening.alerts) for happening in happenings) >= ALERTS_AT_ONCE:
                unread = number
                break
            happenings.append(self._happening(number, entry))
        return outbox.after(happenings, now, unread)

    def _happening(self, number: int, entry: dg.EventLogEntry) -> Happening:
        event = entry.get_dagster_event()
        if event.event_type == FAILED:
            return Happening(number, entry.timestamp, alerts=tuple(self._failures(entry)))
        if event.event_type == MADE:
            return self._made(number, entry)
        return self._aged(number, entry)

    def _made(self, number: int, entry: dg.EventLogEntry) -> Happening:
        made = entry.get_dagster_event().step_materialization_data.materialization
        subject = _subject(asset_name(made.asset_key), made.partition)
        if REGRETTED in made.metadata:
            return Happening(number, entry.timestamp, made=subject, alerts=(self._regret(made, entry.run_id),))
        if SKEWED in made.metadata:
            return Happening(number, entry.timestamp, made=subject, alerts=(self._skew(made, entry.run_id),))
        if ALARMS in made.metadata:
            return Happening(number, entry.timestamp, made=subject, alerts=tuple(self._alarms(made, entry.run_id)))
        decision, why, command = (_text(made, name) for name in ("decision", "why", "approve"))
        if decision not in NOT_PROMOTED | PROPOSED:
            return Happening(number, entry.timestamp, made=subject)
        problem = problem_of(made.asset_key)
        model = _subject(f"{problem}/{noun_that('trains')}", made.partition)
        alert = Alert(
            subject,
            "proposal" if decision in PROPOSED else "decision",
            f"{model} {(NOT_PROMOTED | PROPOSED)[decision]}",
            why,
            command or _history(problem),
            self._page("runs", entry.run_id),
        )
        return Happening(number, entry.timestamp, made=subject, alerts=(alert,))

    def _regret(self, made: dg.AssetMaterialization, run: str) -> Alert:
        """A move that turned out wrong: told once of each move, whichever partition tells of it again."""
        problem, audit = problem_of(made.asset_key), _subject(asset_name(made.asset_key), made.partition)
        said = f"{_text(made, 'why')} {_text(made, 'then')}"
        page = _text(made, "page") or self._page("runs", run)
        title = f"{problem}: a move of the champion turned out wrong, says {audit}"
        return Alert(f"{problem}, move {_text(made, REGRETTED)}", "regret", title, said, _text(made, COMMAND), page)

    def _skew(self, made: dg.AssetMaterialization, run: str) -> Alert:
        """Rows that are others over HTTP: told once of the same columns, until a look finds them alike."""
        title = f"{problem_of(made.asset_key)} over HTTP is not what it is in the batch: {_text(made, SKEWED)}"
        page = self._page("runs", run)
        return Alert(asset_name(made.asset_key), "skew", title, _text(made, "why"), _text(made, COMMAND), page)

    def _alarms(self, made: dg.AssetMaterialization, run: str) -> Iterator[Alert]:
        """What monitoring found, each thing told once of each model, whichever partition tells of it again."""
        problem, model = problem_of(made.asset_key), _text(made, "model")
        page = _text(made, "page") or self._page("runs", run)
        of_partition = f"ml-assets monitoring {problem} --partition {shlex.quote(made.partition or '')}"
        command = _text(made, COMMAND) or of_partition
        found: Any = made.metadata[ALARMS].value
        for about, said in found.items():
            title = f"{problem}: {about}, says {_subject(asset_name(made.asset_key), made.partition)}"
            yield Alert(f"{model}, {about}", "alarm", title, f"{said} It was served by {model}.", command, page)

    def _aged(self, number: int, entry: dg.EventLogEntry) -> Happening:
        change = entry.get_dagster_event().asset_freshness_state_change_data
        asset = asset_name(change.key)
        subject = f"{asset}, its age"
        if change.new_state != FreshnessState.FAIL:
            return Happening(number, entry.timestamp, made=subject)
        said = f"Nothing was made of it for longer than its problem allows. {self._last_made(change.key)}"
        page = self._page("assets", *change.key.path)
        alert = Alert(subject, "staleness", f"{asset} is stale", said, _history(problem_of(change.key)), page)
        return Happening(number, entry.timestamp, alerts=(alert,))

    def _last_made(self, key: dg.AssetKey) -> str:
        last = self.instance.get_latest_materialization_event(key)
        if last is None or last.asset_materialization is None:
            return "It was never made."
        at = datetime.fromtimestamp(last.timestamp, UTC)
        made = _subject(asset_name(key), last.asset_materialization.partition)
        return f"The last that was made is {made}, at {at:%Y-%m-%d %H:%M} UTC."

    def _failures(self, entry: dg.EventLogEntry) -> Iterator[Alert]:
        run = self.instance.get_run_by_id(entry.run_id)
        if run is None or not self._is_watched(run):
            return
        for asset, title, text in Failed.of(self.instance, run, entry).said():
            again = "" if "ml-assets " in text else _again(asset, run)
            yield Alert(
                _of_run(asset, run),
                "failure",
                f"{_of_run(asset, run)} {title}",
                text,
                again,
                self._page("runs", run.run_id),
            )

    def _is_watched(self, run: dg.DagsterRun) -> bool:
        origin = run.remote_job_origin  # None for a run from the command line
        if self.location is None or origin is None:
            return True
        return origin.repository_origin.code_location_origin.location_name == self.location

    def _page(self, *path: str) -> str:
        return "/".join((self.ui.rstrip("/"), *path)) if self.ui else ""


def unseen(
    instance: dg.DagsterInstance, read: Position, kinds: Iterable[dg.DagsterEventType]
) -> tuple[list[tuple[int, dg.EventLogEntry]], int | None]:
    """Events of some kinds that were not read yet, in order, and the number from which on they may be incomplete."""
    storage = instance.event_log_storage
    pages = [storage.get_logs_for_all_runs_by_log_id(read.number, kind, AT_ONCE) for kind in kinds]
    unread = min((max(page) + 1 for page in pages if len(page) >= AT_ONCE), default=None)
    found = {number: entry for page in pages for number, entry in page.items()}
    new = [n for n in sorted(found) if n not in read.seen and (unread is None or n < unread)]
    return [(number, found[number]) for number in new], unread


@dataclass(frozen=True)
class Failed:
    """What the events of a failed run say."""

    run: dg.DagsterRun
    end: dg.DagsterEvent
    events: Sequence[dg.DagsterEvent]

    @classmethod
    def of(cls, instance: dg.DagsterInstance, run: dg.DagsterRun, end: dg.EventLogEntry) -> Failed:
        """Read the log of a run that ended so."""
        kinds = dg.DagsterEventType
        read = {
            kinds.STEP_FAILURE,
            kinds.ASSET_MATERIALIZATION_PLANNED,
            kinds.ASSET_MATERIALIZATION,
            kinds.ENGINE_EVENT,
        }
        events = [entry.get_dagster_event() for entry in instance.all_logs(run.run_id, of_type=read)]
        return cls(run, end.get_dagster_event(), events)

    def said(self) -> Iterator[tuple[str, str, str]]:
        """For each asset that failed: its name (empty if the run makes none), what happened to it, and why."""
        steps = {event.step_key: event.step_failure_data for event in self.events if event.is_step_failure}
        for key, failure in steps.items():
            yield self._asset(key), *_said(failure)
        if not steps:
            yield self._asset(None), "failed", f"Its run ended before it was made: {self._reason()}"

    def _asset(self, step: str | None) -> str:
        """The first asset that a step, or the run, should still have made."""
        kinds = dg.DagsterEventType
        made = {event.asset_key for event in self.events if event.event_type == kinds.ASSET_MATERIALIZATION}
        planned = [
            event.asset_key
            for event in self.events
            if event.event_type == kinds.ASSET_MATERIALIZATION_PLANNED and step in (None, event.step_key)
        ]
        key = next((key for key in planned if key not in made), planned[0] if planned else None)
        return asset_name(key) if key else ""

    def _reason(self) -> str:
        data = self.end.event_specific_data
        errors = [event.engine_event_data.error for event in self.events if event.is_engine_event]
        error = getattr(data, "error", None) or next((error for error in reversed(errors) if error), None)
        return message_of(error) or self.end.message or "nothing says why."


def _said(failure: StepFailureData) -> tuple[str, str]:
    user = failure.user_failure_data
    if user is not None and user.description:
        return ("was refused" if "version" in user.metadata else "failed"), user.description
    return "failed", message_of(failure.error)


def _text(made: dg.AssetMaterialization, name: str) -> str:
    """What a materialization says under this name; empty where it says nothing."""
    return str(made.metadata[name].value) if name in made.metadata else ""


def _subject(asset: str, partition: str | None) -> str:
    return f"{asset} [{partition}]" if partition else asset


def _of_run(asset: str, run: dg.DagsterRun) -> str:
    """The subject of a run's failure; the run itself where no materialization will ever say that it is over."""
    first, last = (run.tags.get(tag) for tag in (ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG))
    if asset and first is None:
        return _subject(asset, run.tags.get(PARTITION_NAME_TAG))
    of = f"{asset} [{first}...{last}]" if asset else run.job_name
    return f"{of} in run {run.run_id[:8]}"


def _again(asset: str, run: dg.DagsterRun) -> str:
    partition = run.tags.get(PARTITION_NAME_TAG)
    return f"ml-assets run {asset}+ --partition {shlex.quote(partition)}" if asset and partition else ""


def _history(problem: str) -> str:
    return f"ml-assets history {problem}"
