"""predictions -> monitoring: how the model that served a partition does there, as outcomes land, and how its data has moved.

Looked at are the rows of the partition that the model answered and had not seen, whether or not their outcome is known. They
are held against the rows that it was fitted on, and those that judged it. When more outcomes land the features have other
labels, and it is made again. Nothing waits for it: what it finds is told, and may have a model trained (``retraining.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import dagster as dg

from ml_assets import figures
from ml_assets.assets import noun_that
from ml_assets.computation.answered import ANSWERS, LIVE, Heard, Looks, heard, read_of_answers
from ml_assets.drift.statistics import sampled
from ml_assets.evaluation.plain import to_plain
from ml_assets.evaluation.scored_rows import classes_of
from ml_assets.lineage.answers import HASHED
from ml_assets.lineage.markdown import escaped
from ml_assets.lineage.monitored import report_of
from ml_assets.lineage.reading import beside
from ml_assets.monitoring.checks import outcomes
from ml_assets.monitoring.finding import FINDING, Finding, Number, finding_of
from ml_assets.monitoring.live import EVENT_TIME
from ml_assets.monitoring.monitor import monitor
from ml_assets.monitoring.monitored import Monitored
from ml_assets.monitoring.reference import Reference
from ml_assets.monitoring.report import Report, Span
from ml_assets.monitoring.served import ANSWERED_AT, ENTITY, FEATURE, MODEL, Served, busiest, served
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.step import partition_of, store_of
from ml_assets.problem import FeatureTable, Problem
from ml_assets.promotion.unseen import is_seen, scored_by, window_of
from ml_assets.store import Handle, RefEntry, Store, VersionKey
from ml_assets.training.split import TEST, TRAIN, dated_within, rows_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

WHOSE = [ENTITY, ANSWERED_AT, MODEL]
"""The columns that say who answered."""
ALARMS = "alarms"
"""The note that alerts read: what is told once of a model -> a sentence."""


def monitoring(problem: Problem, context: dg.AssetExecutionContext, features: Handle, predictions: Handle) -> Made:
    """Hold what was served in the partition against what the model was trained and judged on."""
    store, partition = store_of(context), partition_of(context)
    logs = heard(store, problem, partition)
    models = predictions.inputs(noun_that("decides"))
    if not models or features.manifest.notes.get("rows") == 0:
        why = "no row landed" if models else "no champion was known before it"
        return _nothing(f"{partition}: {why}. There is nothing to watch.", logs)
    watch = _Watch(problem, store, partition, models[0], features.load(), predictions.load(), logs)
    if not watch.counts.any():
        return _nothing(f"{partition}: {watch.model.key} served none of its rows that it had not seen.", logs)
    report, finding = watch.report, watch.finding
    context.log.info(finding.sentence)
    return Made(
        Monitored(report.to_json(), figures.monitoring_report(report, finding.metric).to_json()),
        checks=outcomes(finding),
        metrics={problem.metrics[0].name: _values(finding), "drift": to_plain(report.drift)},
        notes={"why": finding.sentence, "rows": finding.rows, "outcomes": finding.outcomes, **notes_of(finding)},
        about=lambda key: {"at_a_glance": dg.MetadataValue.md(_at_a_glance(finding))},
        inputs=watch.read,
        ledger=read_of_answers(logs),
    )


def _nothing(why: str, logs: Heard) -> Made:
    """The monitoring of a partition in which there is nothing to look at."""
    empty = Monitored({}, figures.Sheet(why, ()).to_json())
    return Made(empty, checks=outcomes(None), notes={"why": why}, ledger=read_of_answers(logs))


@dataclass(frozen=True)
class _Watch:
    """A partition, and the model that served it.

    Attributes:
        batch_by: the model that made the batch predictions.
        table, batch: the partition's rows, and the predictions of them, in the same order.
        logs: what was answered over HTTP, and the live looks at it.
    """

    problem: Problem
    store: Store
    partition: str
    batch_by: Handle
    table: FeatureTable
    batch: pd.DataFrame
    logs: Heard

    @cached_property
    def model(self) -> Handle:
        """Who gave most of the answers that count."""
        import pandas as pd

        if not self._frames:
            return self.batch_by
        known = pd.concat([frame[WHOSE] for frame in self._frames], ignore_index=True)
        own = self.batch_by.key.version
        found = busiest(self.problem, self.table, known, batch_by=own, until=self._end)
        if found == own:
            return self.batch_by
        named = (read for entry in self.logs.answers for read in Handle(self.store, entry.target).inputs("model"))
        whose = (Handle(self.store, read.key, self.batch_by.name) for read in named if read.key.version == found)
        return next(whose, self.batch_by)

    @cached_property
    def live(self) -> RefEntry | None:
        """The last live look at what the model answered in the partition, if there was one."""
        log = Looks.of(self.store, self.problem, self.partition)
        return log.newest(self.model.key) if self.logs.looks else None

    @cached_property
    def split(self) -> Handle:
        """Which rows the model was fitted on, and judged by."""
        return self.model.input("split")

    @property
    def read(self) -> tuple[Handle, ...]:
        """What was read besides the declared inputs."""
        batches = (Handle(self.store, entry.target, ANSWERS) for entry in self.logs.answers)
        looks = (Handle(self.store, entry.target, LIVE) for entry in (self.live,) if entry)
        return (self.model, self.split, *self.split.inputs(noun_that("derives")), *batches, *looks)

    @cached_property
    def served(self) -> Served:
        """The answer that counts for each row."""
        model, batch_by = self.model.key.version, self.batch_by.key.version
        whose = {"model": model, "batch_by": batch_by}
        return served(self.problem, self.table, self.batch, self._over_http, **whose, until=self._end)

    @property
    def _end(self) -> datetime:
        return self.problem.partitions.partition(self.partition).end or datetime.max

    @cached_property
    def _frames(self) -> list[pd.DataFrame]:
        """What was answered over HTTP; batches that do not say of which entity say nothing here."""
        every = batches_of(self.store, self.problem, self.logs.answers)
        return [frame for frame in every if ENTITY in frame]

    @cached_property
    def counts(self) -> np.ndarray:
        """The rows (n,) that say something of the model: of the partition, answered by it, and not seen by it before."""
        own = dated_within(self.problem, self.table, self.partition) & ~self.served.by_others
        unseen: np.ndarray = own & ~is_seen(self.problem, self.split.load(), self.table)
        return unseen

    @cached_property
    def report(self) -> Report:
        """What the rows tell of the model."""
        said, rows = self.served.prediction[self.counts], replace(self.table, features=self.served.features)
        classes, span = classes_of(self.batch), span_of(self.problem, self.partition)
        reference, counted = reference_of(self.problem, self.model), rows.rows(self.counts)
        live = report_of(self.store, self.live.target) if self.live else None
        return monitor(self.problem, reference, counted, said, span, classes=classes, live=live)

    @property
    def finding(self) -> Finding:
        """The same in few numbers."""
        return finding_of(
            self.report,
            self.problem.metrics[0],
            partition=self.partition,
            line=self.problem.partitions.line(self.partition),
            model=str(self.model.key),
            over_http=int(self.served.over_http[self.counts].sum()),
            by_others=int(self.served.by_others.sum()),
        )

    @property
    def _over_http(self) -> pd.DataFrame:
        """What was answered: by other models only that it was. A feature counts that all batches of this model have."""
        import pandas as pd

        is_own = [bool((frame[MODEL] == self.model.key.version).any()) for frame in self._frames]
        own = [frame for frame, of_ours in zip(self._frames, is_own, strict=True) if of_ours]
        others = [frame[WHOSE] for frame, of_ours in zip(self._frames, is_own, strict=True) if not of_ours]
        known = [*([pd.concat(own, ignore_index=True, join="inner")] if own else []), *others]
        return pd.concat(known, ignore_index=True) if known else pd.DataFrame({name: [] for name in WHOSE})


def reference_of(problem: Problem, model: Handle) -> Reference:
    """What a model was fitted on, and judged by."""
    table, roles = window_of(model.input("split"))
    test = rows_of(table, roles, TEST)
    return Reference(sampled(rows_of(table, roles, TRAIN)), scored_by(problem, model, test), test.features)


def batches_of(store: Store, problem: Problem, answers: Sequence[RefEntry]) -> list[pd.DataFrame]:
    """Batches of answers, without the columns of which only digests are kept; a few are read at the same time."""
    found: dict[VersionKey, pd.DataFrame] = {}

    def read(entry: RefEntry) -> None:
        manifest = store.manifest(entry.target)
        frame: pd.DataFrame = store.get(manifest.content, of=str(entry.target))
        hashed = [
            EVENT_TIME if name == problem.event_time else f"{FEATURE}{name}" for name in manifest.notes.get(HASHED, ())
        ]
        found[entry.target] = frame.drop(columns=frame.columns.intersection(hashed))

    beside(read, answers)
    return [found[entry.target] for entry in answers]


def span_of(problem: Problem, partition: str) -> Span:
    """The time of a partition, by the clock that cuts it."""
    of = problem.partitions.partition(partition)
    if of.start is None or of.end is None:
        return Span("", "", 0.0)
    clock, last = ZoneInfo(problem.partitions.clock), of.end - timedelta(microseconds=1)
    ends = [_named(problem, at.astimezone(clock)) for at in (of.start, last)]
    return Span(ends[0], ends[1], (of.end - of.start) / timedelta(days=1))


def _named(problem: Problem, at: datetime) -> str:
    return at.date().isoformat() if problem.partitions.block == "day" else at.strftime("%Y-%m-%dT%H")


def notes_of(finding: Finding) -> dict[str, Any]:
    """What others read: pages and decisions the finding, alerts what alarms."""
    told = {f"{alarm.kind} of {alarm.about}": alarm.said for alarm in finding.alarms}
    return {**({ALARMS: told, "model": finding.model} if told else {}), FINDING: finding.to_json()}


def _values(finding: Finding) -> Mapping[str, float]:
    return {name: number.value for name, number in finding.numbers.items() if number is not None}


def _at_a_glance(finding: Finding) -> str:
    """The metric as it came, or as it is estimated, beside its promise: small enough to be seen without a click."""
    how, number = next(((n, of) for n, of in finding.numbers.items() if n != "promised" and of), ("", None))
    if finding.realised is not None:
        how, number = "realised", finding.realised
    return f"{_chart(how, number, finding)}{escaped(_verdict(finding))}"


def _chart(how: str, number: Number | None, finding: Finding) -> str:
    if number is None:
        return ""
    promised = finding.promised.value if finding.promised else float("nan")
    names, title = (how, "promised"), finding.metric
    chart = figures.interval_chart(number.value, number.low, number.high, promised, title=title, names=names)
    return f"{figures.as_markdown(chart, title)}\n\n"


def _verdict(finding: Finding) -> str:
    found = [f"{alarm.about}: {alarm.kind}" for alarm in finding.alarms[:3]]
    more = f" and {len(finding.alarms) - 3} more" if len(finding.alarms) > 3 else ""
    return f"alarms: {', '.join(found)}{more}" if found else "no alarm"
