"""What champions answer over HTTP, looked at day by day before the partition lands: a job of each problem, and a schedule.

A look is a version of ``PROBLEM/live``, of the partition that its days belong to, and an entry in the log of that name. Days that
are over are looked at, each once: a look goes on with the one before, and ``monitoring`` with the last, see ``evidence``. So
however many there are, together they raise false alarms at the stated rate. What they find is alerted and may start a training,
as what ``monitoring`` finds.

A job, and no asset of the chain: nothing lands when a day is over, and the champion is that of the moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from ml_assets import figures
from ml_assets.assets import noun_that
from ml_assets.computation.answered import (
    ANSWERS,
    LIVE,
    OF_MODEL,
    Heard,
    Looks,
    answers_read,
    log_of_answers,
    read_of_answers,
)
from ml_assets.computation.chain import chain_of
from ml_assets.evaluation.plain import to_plain
from ml_assets.lineage.monitored import report_of
from ml_assets.monitoring.checks import outcomes
from ml_assets.monitoring.finding import Finding, finding_of
from ml_assets.monitoring.live import Answered, answered
from ml_assets.monitoring.monitor import monitor
from ml_assets.monitoring.monitored import Monitored
from ml_assets.monitoring.reference import Reference
from ml_assets.monitoring.report import Report
from ml_assets.orchestration.audit import COMMAND
from ml_assets.orchestration.io_manager import Made, StoreIOManager
from ml_assets.orchestration.keys import asset_key
from ml_assets.orchestration.metadata import materialization_metadata
from ml_assets.orchestration.monitoring import batches_of, notes_of, reference_of, span_of
from ml_assets.orchestration.store_job import found_over_http, store_job
from ml_assets.problem import Problem
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Handle, RefEntry, Store

DAILY = "15 0 * * *"  # by the problem's clock: what waits in the spools of servers has been entered
UNTIL = "ml_assets/looks_until"
"""The tag of a run that says which days are over; without it those of now."""
LONGEST_PARTITION = timedelta(days=31)


# ---------------------------------------------------------------- a look


@dataclass(frozen=True)
class Look:
    """At what the champion of a line answered over HTTP in a partition.

    Attributes:
        until: when the days that are looked at end.
        answers: the entries of the log of answers.
        before: the look that it goes on with.
    """

    problem: Problem
    store: Store
    partition: str
    model: Handle
    until: datetime
    answers: Sequence[RefEntry]
    before: RefEntry | None

    @cached_property
    def reference(self) -> Reference:
        """What the model was fitted on, and judged by."""
        return reference_of(self.problem, self.model)

    @cached_property
    def report(self) -> Report | None:
        """Of the days that are over; None where nothing was answered."""
        return self._report(self.rows(self.until))

    def so_far(self, now: datetime) -> Report | None:
        """With the day that is not over. It is looked at when it is: what it shows till then is no alarm."""
        return self._report(self.rows(now))

    def rows(self, until: datetime) -> Answered | None:
        """What was answered of this partition by then."""
        since = self.problem.partitions.partition(self.partition).start or until
        batches = batches_of(self.store, self.problem, self.answers)
        return answered(self.problem, batches, model=self.model.key.version, since=since, until=until)

    def _report(self, of: Answered | None) -> Report | None:
        if of is None:
            return None
        live = report_of(self.store, self.before.target) if self.before else None
        span, classes = span_of(self.problem, self.partition), of.classes
        return monitor(
            self.problem, self.reference, of.rows, of.prediction, span, classes=classes, live=live, is_live=True
        )

    def finding(self, report: Report) -> Finding:
        """A report in few numbers."""
        metric, line = self.problem.metrics[0], self.problem.partitions.line(self.partition)
        model, rows = str(self.model.key), report.rows
        return finding_of(report, metric, partition=self.partition, line=line, model=model, over_http=rows)

    @property
    def is_new(self) -> bool:
        """Whether it has a day that was not looked at."""
        known = {moment.at for moment in report_of(self.store, self.before.target).moments} if self.before else set()
        return self.report is not None and not {moment.at for moment in self.report.moments} <= known

    def made(self, report: Report) -> Made:
        """What is stored of it."""
        found = self.finding(report)
        drawn = figures.monitoring_report(report, found.metric).to_json()
        batches = (Handle(self.store, entry.target, ANSWERS) for entry in self.answers)
        earlier = (Handle(self.store, entry.target, LIVE) for entry in (self.before,) if entry)
        return Made(
            self.store.put(Monitored(report.to_json(), drawn)),
            checks=outcomes(found),
            metrics={"drift": to_plain(report.drift), **_estimated(found)},
            notes={"why": found.sentence, "rows": found.rows, **notes_of(found)},
            inputs=(self.model, *batches, *earlier),
            ledger=read_of_answers(Heard(self.answers)),
        )


def _estimated(found: Finding) -> dict[str, Any]:
    return {found.metric: {"estimated": found.estimated.value}} if found.estimated else {}


def live_looks(problem: Problem, store: Store, now: datetime) -> Iterator[Look]:
    """At the partitions of yesterday, by the problem's clock, that have not landed: one for each champion."""
    days = _yesterday(problem, now)
    known = store.named(log_of_answers(problem.name))
    lines: list[str | None] = [*problem.partitions.lines()]
    champions = {line: Ledger(store, problem.name, line).champion() for line in lines or [None]}
    for line, champion in champions.items():
        if champion is None:
            continue
        model = Handle(store, champion.model, "champion")
        for partition in _partitions(problem, line, *days):
            if not _has_landed(problem, store, partition, model):
                answers = [*answers_read(store, problem, partition, known)]
                before = Looks.of(store, problem, partition).newest(model.key)
                yield Look(problem, store, partition, model, days[1], answers, before)


def _yesterday(problem: Problem, now: datetime) -> tuple[datetime, datetime]:
    """When it began and ended; where partitions are hours, it ends with the last whole hour."""
    clock = ZoneInfo(problem.partitions.clock)
    today = now.astimezone(clock).replace(hour=0, minute=0, second=0, microsecond=0)
    since = (today - timedelta(days=1)).astimezone(UTC)
    if problem.partitions.block == "hour":
        return since, now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return since, today.astimezone(UTC)


def _partitions(problem: Problem, line: str | None, since: datetime, until: datetime) -> list[str]:
    """Those of a line that have a part of a span, in order."""
    kind = problem.partitions
    keys = [key for key in kind.keys(until + LONGEST_PARTITION) if kind.line(key) == line]
    spans = {key: kind.partition(key) for key in keys}
    return [key for key, of in spans.items() if of.start and of.end and of.start < until and of.end > since]


def _has_landed(problem: Problem, store: Store, partition: str, model: Handle) -> bool:
    """Whether ``monitoring`` has looked at what this model served there."""
    head = store.head(f"{problem.name}/{noun_that('watches')}", partition)
    return head is not None and any(read.key == model.key for read in store.manifest(head.target).inputs)


# ---------------------------------------------------------------- in Dagster


def live_spec(problem: Problem) -> dg.AssetSpec:
    """Where people see what was found."""
    what = "What was answered over HTTP, looked at day by day before its partition lands, as the job of this name does."
    return found_over_http(problem, LIVE, what)


def live_job(problem: Problem) -> dg.JobDefinition | None:
    """What looks at a problem's answers over HTTP; None for one that is not monitored."""
    if not problem.partitions.in_time or noun_that("watches") not in chain_of(problem):
        return None

    def look(at: Any, io: StoreIOManager) -> Iterator[dg.AssetMaterialization]:
        until = at.run.tags.get(UNTIL)
        now = datetime.fromisoformat(until) if until else datetime.now(UTC)
        for one in live_looks(problem, io.store, now):
            if one.report is None or not one.is_new:
                at.log.info(f"{one.partition}: nothing that {one.model.key} answered over HTTP is to be looked at.")
                continue
            yield _kept(one, one.report, io, at.run_id)

    what = f"Looks at what {problem.name} answered over HTTP, see `ml-assets monitoring {problem.name} --live`."
    return store_job(f"{problem.name}_{LIVE}", what, look)


def _kept(look: Look, report: Report, io: StoreIOManager, run: str) -> dg.AssetMaterialization:
    """Enter a look in its log, and say so."""
    asset, log = f"{look.problem.name}/{LIVE}", Looks.of(look.store, look.problem, look.partition)
    made, entries = look.made(report), log.entries()
    manifest = io.manifest_of(replace(made, inputs=()), asset, look.partition, made.inputs, run)
    key = look.store.commit(manifest)
    log.append(key, after=entries, why=f"looked at until {look.until}", details={OF_MODEL: str(look.model.key)})
    shown = materialization_metadata(look.store, key, manifest, io.pages)
    command = f"ml-assets monitoring {look.problem.name} --live"
    return dg.AssetMaterialization(asset_key(look.problem, LIVE), metadata={**shown, COMMAND: command})


def live_schedule(problem: Problem, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """The daily look. It is off until somebody switches it on, where champions are served."""

    @dg.schedule(
        name=job.name,
        cron_schedule=DAILY,
        execution_timezone=problem.partitions.clock,
        job=job,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"Looks at what {problem.name} answered over HTTP the day before. Off until somebody switches it on.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        at = context.scheduled_execution_time
        return dg.RunRequest(run_key=f"{LIVE} {at.date()}", tags={UNTIL: at.isoformat()})

    return daily
