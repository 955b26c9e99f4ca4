"""The whole report of a span: pure, deterministic, of rows that are already here.

A year's false alarms are shared out: a span of n days may raise n/365 of them, a third each for features, scores and performance;
within these each column, and each number of a column, has an equal part (so many chances add up to no more than their sum,
however they depend on each other). Days of a span are counted by ``evidence``. What is looked at again within a span adds
nothing, as long as the days that were there stay as they were: give whole days.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ml_assets.classes import Classes, by_column, classes_in, united, widened
from ml_assets.drift.statistics import sampled
from ml_assets.evaluation.metrics import Answers, value_of
from ml_assets.evaluation.scored_rows import as_columns, classes_of, columns_of, refuse_unusable, values_of
from ml_assets.evaluation.slices import SliceScore, slice_scores
from ml_assets.evaluation.units import COLUMNS, DAY, HOUR, ROW, Units, single_rows, unit_columns, units_in, units_of
from ml_assets.monitoring import realised
from ml_assets.monitoring.drift import Asked, drift_of
from ml_assets.monitoring.estimate import Estimated, Judged, Losses, Outcomes, Said, estimate
from ml_assets.monitoring.evidence import Earlier
from ml_assets.monitoring.numbers import Rows, as_numbers, kind_of
from ml_assets.monitoring.performance import Daily, running, worse_at_once, worse_than_promised
from ml_assets.monitoring.reference import Reference
from ml_assets.monitoring.report import Drift, Evidence, Moment, Report, Span
from ml_assets.problem import FeatureTable, Problem

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ALARMS_PER_YEAR = 0.05
PARTS = 3  # features, scores, performance
TIMES = (DAY, HOUR)
NUMERIC = {"number", "truth"}


def monitor(
    problem: Problem,
    reference: Reference,
    rows: FeatureTable,
    prediction: np.ndarray,
    span: Span,
    *,
    classes: tuple[int, ...] = (),
    alarms_per_year: float = ALARMS_PER_YEAR,
    live: Report | None = None,
    is_live: bool = False,
) -> Report:
    """What the rows of a span tell of the model that answered them.

    Args:
        reference: what the model was made from, and judged on.
        rows: the span's rows with their features; labels where the outcome is known, NaN where it is not (yet).
        prediction: what the model answered: shape (n,), (n, classes) or, with intervals, (n, 3), in the order of ``rows``.
        span: the time that the rows are of; of a partition, all of it, also where it is not over.
        classes: of several classes, that of each column of ``prediction``; those of the problem unless given.
        alarms_per_year: the chance that a year of such reports, each looked at daily, raises any false alarm.
        live: the newest live report of the span, of the same model; its days stay as they were, or are looked at once more.
        is_live: this one is live, too: it is looked at again each day, and before all rows of its days have landed.
    Returns:
        The report; the same arguments give the same one.
    Raises:
        InvalidPrediction: if ``prediction`` is none for these rows.
    """
    refuse_unusable("prediction", prediction, len(rows), problem.task)
    rate = alarms_per_year * span.days / 365
    columns = columns_of(problem, prediction, classes)
    looked = _Look(problem, reference, rows, prediction, span, columns, rate / PARTS, live, is_live)
    return looked.report(alarms_per_year, rate)


@dataclass(frozen=True)
class _Look:
    """The arguments of ``monitor``, and what several parts of the report need of them.

    Attributes:
        rate: of false alarms of each part.
        live, is_live: see ``monitor``.
    """

    problem: Problem
    reference: Reference
    rows: FeatureTable
    prediction: np.ndarray
    span: Span
    classes: Classes
    rate: float
    live: Report | None = None
    is_live: bool = False

    def report(self, alarms_per_year: float, rate: float) -> Report:
        """All that is told; ``rate`` is the chance of any false alarm in this report."""
        features, answers = self.features(), self.answers
        return Report(
            self.span,
            self.unit,
            len(self.rows),
            int(self.known.sum()),
            alarms_per_year,
            rate,
            moments=self.moments(features),
            features=features,
            scores=self.scores(),
            realised=realised.scores(self.problem.metrics, answers, self.units_known) if answers else {},
            realised_untold="" if answers else "no outcome is known yet",
            calibration=realised.calibration(self.problem.task, answers, self.units_known) if answers else (),
            slices=tuple(self.slices()),
            promised=realised.scores(self.problem.metrics, self.promised, units_in(self.reference.scored)),
            performance=self.performance(),
            estimated=self.estimated.values,
            estimated_untold=self.estimated.untold,
        )

    # ------------------------------------------------------------ units of chance

    @cached_property
    def unit(self) -> str:
        """What one is; where days and groups cross, the day."""
        return next(iter(unit_columns(self.problem, self.rows)), ROW)

    @property
    def is_time(self) -> bool:
        return self.unit in TIMES

    @property
    def looks(self) -> int:
        """How many units of time the span has."""
        return math.ceil(self.span.days * (24 if self.unit == HOUR else 1) - 1e-9) if self.is_time else 1

    def units_now(self, rows: FeatureTable) -> tuple[Rows, tuple[str, ...]]:
        """The unit of each row, in order of time, and those as text; of what has no time all rows are one."""
        if self.is_time:
            return _with_days(self._days_seen, *in_time(unit_columns(self.problem, rows)[self.unit]))
        return Rows.all_one(len(rows)), ("",)

    @property
    def _days_seen(self) -> tuple[str, ...]:
        """Those that were looked at live, whether or not a row of them is here."""
        return tuple(moment.at for moment in self.live.moments) if self.live else ()

    def _earlier(self, drifts: Sequence[Drift]) -> Earlier | None:
        if self.live is None and not self.is_live:
            return None
        return Earlier({one.name: one.evidence for one in drifts}, self.is_live)

    @cached_property
    def when(self) -> tuple[Rows, tuple[str, ...]]:
        return self.units_now(self.rows)

    @cached_property
    def units_known(self) -> tuple[Units, ...]:
        return tuple(of.rows(self.known) for of in units_of(self.problem, self.rows))

    # ------------------------------------------------------------ drift

    def features(self) -> tuple[Drift, ...]:
        before, now = sampled(self.reference.training), sampled(self.rows)
        units = _of_reference(unit_columns(self.problem, before), len(before))
        earlier = self._earlier(self.live.features if self.live else ())
        asked = Asked(units, *self.units_now(now), self.is_time, self.looks, self.rate, earlier)
        return drift_of(_aged(self.problem, before), _aged(self.problem, now), asked)

    def scores(self) -> tuple[Drift, ...]:
        import pandas as pd

        before, now = (
            pd.DataFrame(as_columns("prediction", of, self.problem.task, self.every))
            for of in (self.said_before, self.said)
        )
        units = _of_reference(self.reference.scored, len(before))
        earlier = self._earlier(self.live.scores if self.live else ())
        return drift_of(before, now, Asked(units, *self.when, self.is_time, self.looks, self.rate, earlier))

    # ------------------------------------------------------------ answers and outcomes

    @cached_property
    def every(self) -> Classes:
        """Of several classes all that are answered or came, then and now."""
        if self.problem.task != "multiclass":
            return ()
        labels = (classes_in(self.rows.label), classes_in(self.reference.scored["label"].to_numpy()))
        return united(classes_of(self.reference.scored), self.classes, *labels)

    @cached_property
    def said(self) -> np.ndarray:
        return widened(self.prediction, self.classes, self.every) if self.every else self.prediction

    @cached_property
    def said_before(self) -> np.ndarray:
        scored = self.reference.scored
        return widened(values_of(scored), classes_of(scored), self.every) if self.every else values_of(scored)

    @cached_property
    def known(self) -> np.ndarray:
        """Of which rows the outcome is known, shape (n,)."""
        import numpy as np

        known: np.ndarray = ~np.isnan(self.rows.label)
        return known

    @cached_property
    def answers(self) -> Answers | None:
        """Of the rows whose outcome is known; None where there are none."""
        if not self.known.any():
            return None
        return Answers(*by_column(self.rows.label[self.known], self.said[self.known], self.every))

    @cached_property
    def promised(self) -> Answers:
        """Of the rows that judged the model."""
        return Answers(*by_column(self.reference.scored["label"].to_numpy(), self.said_before, self.every))

    def slices(self) -> Iterator[SliceScore]:
        if self.answers is not None:
            rows, said = self.rows.rows(self.known), self.said[self.known]
            for column in self.problem.slices:
                yield from slice_scores(self.problem, rows, said, column, self.every)

    # ------------------------------------------------------------ performance

    def performance(self) -> Evidence:
        """Of the first metric, worse than promised."""
        metric = self.problem.metrics[0]
        if self.answers is None:
            return Evidence(untold="no outcome is known yet")
        if not self.is_time:
            units = units_in(self.reference.scored)[0], self.units_known[0]
            return worse_at_once(metric, self.promised, self.answers, *units, rate=self.rate)
        if self.unit not in self.reference.scored:
            return Evidence(untold=f"the rows that judged do not say their {self.unit}")
        left_out, expected = (of.get(metric.name) for of in (self.estimated.left_out, self.estimated.expected))
        promised = self._daily(self.promised, left_out, *in_time(self.reference.scored[self.unit]))
        now = self._daily(self.answers, expected and expected.rows(self.known), *in_time(self._arrived()))
        return worse_than_promised(metric, promised, now, looks=self.looks, rate=self.rate)

    def _arrived(self) -> pd.Series:
        """The day on which each outcome became known, where that is told: what arrives later changes no day that was seen."""
        rows, time = self.rows.rows(self.known), self.problem.label_time
        if time is not None and time in rows.keys:
            at = rows.keys[time].fillna(rows.keys[self.problem.event_time])
            rows = replace(rows, keys=rows.keys.assign(**{str(self.problem.event_time): at}))
        return unit_columns(self.problem, rows)[self.unit]

    def _daily(self, answers: Answers, expected: Outcomes | Losses | None, units: Rows, at: tuple[str, ...]) -> Daily:
        import numpy as np

        metric = self.problem.metrics[0]
        value = realised.by_unit(metric, answers, units.unit, units.count)
        if expected is None:
            return Daily(at, value, units.sizes)
        days = [expected.rows(units.unit == one).value(metric) for one in range(units.count)]
        return Daily(at, value, units.sizes, np.array(days))

    # ------------------------------------------------------------ what to expect

    @cached_property
    def estimated(self) -> Estimated:
        features, features_now = self._numeric()
        judged = Judged(Said(self.promised.prediction, features), self.promised.label)
        units = units_in(self.reference.scored)[0]
        many = self.when[0].count if self.is_time else round(units.count * len(self.rows) / max(1, len(units.of)))
        said = Said(self.said, features_now)
        looks = self.looks if self.is_live else 1
        return estimate(self.problem.task, self.problem.metrics, judged, units, said, units_now=many, looks=looks)

    def _numeric(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The features that are numbers in both, for the loss of values."""
        before, now = self.reference.judged, self.rows.features
        if before is None or self.problem.task != "regression":
            return None, None
        names = [str(name) for name in before if name in now and {kind_of(before[name]), kind_of(now[name])} <= NUMERIC]
        return _stacked(before, names), _stacked(now, names)

    # ------------------------------------------------------------ by moment

    def moments(self, features: Sequence[Drift]) -> tuple[Moment, ...]:
        units, at = self.when
        came = [self._came(units.unit == one) for one in range(units.count)]
        mean, low, high = running([of.get(self.problem.metrics[0].name, math.nan) for of in came], self.looks)
        return tuple(
            Moment(
                day,
                int((units.unit == one).sum()),
                int((self.known & (units.unit == one)).sum()),
                came[one],
                self.estimated.of(self.problem.metrics, units.unit == one),
                tuple(f.name for f in features if f.evidence.alarm and f.evidence.first == day),
                float(mean[one]),
                float(low[one]),
                float(high[one]),
            )
            for one, day in enumerate(at if len(self.rows) else ())
        )

    def _came(self, rows: np.ndarray) -> dict[str, float]:
        """Each metric over those of the rows whose outcome is known; none where none is."""
        inside = rows[self.known]
        if self.answers is None or not inside.any():
            return {}
        of = Answers(self.answers.label[inside], self.answers.prediction[inside])
        return {metric.name: value_of(metric, of) for metric in self.problem.metrics}


def in_time(day: pd.Series) -> tuple[Rows, tuple[str, ...]]:
    """The unit of each row by its day (hour), oldest first, and those as text; rows without one are of none."""
    import pandas as pd

    of, days = pd.factorize(day, sort=True)
    return Rows(of, len(days)), tuple(_written(one) for one in pd.DatetimeIndex(days))


def _with_days(days: Sequence[str], rows: Rows, at: tuple[str, ...]) -> tuple[Rows, tuple[str, ...]]:
    """The same units among more days."""
    import numpy as np

    every = tuple(sorted({*at, *days}))
    place = np.array([every.index(day) for day in at] or [0])
    return Rows(np.where(rows.unit < 0, -1, place[rows.unit]), len(every)), every


def _written(at: pd.Timestamp) -> str:
    """``2013-05-03``, of an hour ``2013-05-03T04:00:00+00:00``."""
    return str(at.date().isoformat()) if at.tzinfo is None else str(at.isoformat())


def _of_reference(columns: Mapping[str, pd.Series] | pd.DataFrame, rows: int) -> Rows:
    """The unit of each row of the reference: its day, else its group, else itself."""
    import pandas as pd

    name = next((one for one in COLUMNS if one in columns), None)
    if name in TIMES:
        return in_time(columns[name])[0]
    of = single_rows(rows).of if name is None else pd.factorize(columns[name], use_na_sentinel=False)[0]
    return Rows(of, int(of.max(initial=-1)) + 1)


def _aged(problem: Problem, rows: FeatureTable) -> pd.DataFrame:
    """The features, those that are times as how far they are from the time of the event: times move on by themselves."""
    if problem.event_time is None:
        return rows.features
    event = rows.keys[problem.event_time]
    return rows.features.assign(
        **{
            str(name): of - event
            for name, of in rows.features.items()
            if of.dtype.kind == "M" and (of.dt.tz is None) == (event.dt.tz is None)
        }
    )


def _stacked(frame: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    import numpy as np

    return np.stack([as_numbers(frame[name]) for name in names], axis=1) if names else np.empty((len(frame), 0))
