"""What a report says of a partition in few numbers, for its manifest: those of all partitions are read at once.

The report has the rest: each feature, each day, slices, calibration.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ml_assets.evaluation.judge import Estimate
from ml_assets.evaluation.metrics import written
from ml_assets.evaluation.plain import from_plain, to_plain
from ml_assets.monitoring.report import Drift, Report
from ml_assets.problem import Metric

FINDING = "finding"
"""The note of a manifest of ``monitoring`` that holds it."""
MOST_FEATURES = 100  # whose drift is told; those with the strongest evidence
MOST_SAID = 3  # alarms, in a sentence each
Kind = Literal["drift", "scores", "performance"]


@dataclass(frozen=True)
class Number:
    """The first metric with its 95 % interval; NaN where there is none."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, estimates: Mapping[str, Estimate], metric: str) -> Number | None:
        """Of the metrics of a report; None where it is undefined."""
        found = estimates.get(metric)
        return None if found is None or math.isnan(found.value) else cls(found.value, found.low, found.high)

    def __str__(self) -> str:
        """``0.812 [0.801, 0.823]``."""
        interval = "" if math.isnan(self.low) else f" [{written(self.low)}, {written(self.high)}]"
        return f"{written(self.value)}{interval}"


@dataclass(frozen=True)
class Moved:
    """How far a feature, or what the model answers, has moved since the training.

    Attributes:
        index: the population stability index, less what chance alone gives; NaN where a side is empty.
        is_alarm: it has moved beyond chance; all features and all looks are counted.
        unseen: how many rows have a value that the training never had.
    """

    index: float
    is_alarm: bool
    unseen: int = 0

    @classmethod
    def of(cls, drift: Drift) -> Moved:
        """Of a report."""
        return cls(drift.psi_corrected, drift.evidence.alarm, drift.unseen_rows)


@dataclass(frozen=True)
class Alarm:
    """One thing that people are told, once of each model.

    Attributes:
        about: the feature, the score or the metric.
        said: a sentence.
    """

    kind: Kind
    about: str
    said: str


@dataclass(frozen=True)
class Finding:
    """What monitoring found of one partition.

    Attributes:
        line: of a problem with several champions, whose.
        model: who served it, as versions are written.
        metric: the first one, in ``unit``.
        rows: how many were served; ``over_http``: for how many of them an answer over HTTP counts; ``by_others``: how many
            were answered last by another model, and are left out.
        outcomes: of how many it is known what came of them.
        promised: the metric on the rows that judged the model.
        estimated: what it is expected to be here, found without outcomes.
        realised: what it is where outcomes are known.
        features, scores: strongest evidence first.
    """

    partition: str
    line: str | None
    model: str
    metric: str
    unit: str
    higher_is_better: bool
    rows: int
    over_http: int
    by_others: int
    outcomes: int
    promised: Number | None
    estimated: Number | None
    realised: Number | None
    features: Mapping[str, Moved]
    scores: Mapping[str, Moved]
    alarms: tuple[Alarm, ...]

    @property
    def drifted(self) -> dict[str, float]:
        """The features that have moved beyond chance, and how far."""
        return {name: moved.index for name, moved in self.features.items() if moved.is_alarm}

    @property
    def numbers(self) -> dict[str, Number | None]:
        """The metric three times: as promised, as estimated, and as it came."""
        return {"promised": self.promised, "estimated": self.estimated, "realised": self.realised}

    @property
    def falls_short(self) -> bool:
        """Whether it is estimated to be worse than promised, the chance in both counted."""
        if self.estimated is None or self.promised is None:
            return False
        if self.higher_is_better:
            return self.estimated.high < self.promised.low
        return self.estimated.low > self.promised.high

    @property
    def sentence(self) -> str:
        """What there is to say of the partition."""
        served = f"{self.model} served {self.rows:,} rows of {self.partition}"
        http = f", {self.over_http:,} of them over HTTP" if self.over_http else ""
        others = f" ({self.by_others:,} more were answered by others)" if self.by_others else ""
        known = f"{self.outcomes:,} outcomes are known"
        numbers = [f"{name} {number}" for name, number in self.numbers.items() if number is not None]
        metric = f" {self.metric}: {', '.join(numbers)}." if numbers else ""
        return " ".join([f"{served}{http}{others}; {known}.{metric}", *self._alarms])

    @property
    def _alarms(self) -> Iterator[str]:
        """The first of them in full."""
        yield from (alarm.said for alarm in self.alarms[:MOST_SAID])
        if len(self.alarms) > MOST_SAID:
            yield f"Also: {', '.join(alarm.about for alarm in self.alarms[MOST_SAID:])}."

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, see ``to_plain``."""
        plain: dict[str, Any] = to_plain(asdict(self))
        return plain

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Finding:
        """The inverse of ``to_json``."""
        numbers = {name: _number(told[name]) for name in ("promised", "estimated", "realised")}
        moved = {name: {of: Moved(**_plain(how)) for of, how in told[name].items()} for name in ("features", "scores")}
        return cls(**{**told, **numbers, **moved, "alarms": tuple(Alarm(**alarm) for alarm in told["alarms"])})


def finding_of(
    report: Report,
    metric: Metric,
    *,
    partition: str,
    line: str | None,
    model: str,
    over_http: int = 0,
    by_others: int = 0,
) -> Finding:
    """The few numbers of a report.

    Args:
        metric: the problem's first one.
    """
    first = {name: Number.of(getattr(report, name), metric.name) for name in ("promised", "estimated", "realised")}
    return Finding(
        partition,
        line,
        model,
        metric.name,
        metric.unit,
        metric.higher_is_better,
        report.rows,
        over_http,
        by_others,
        report.labelled,
        first["promised"],
        first["estimated"],
        first["realised"],
        {one.name: Moved.of(one) for one in report.features[:MOST_FEATURES]},
        {one.name: Moved.of(one) for one in report.scores[:MOST_FEATURES]},
        tuple(_alarms(report, metric)),
    )


def _alarms(report: Report, metric: Metric) -> Iterator[Alarm]:
    if report.performance.alarm:
        said = f"{metric.name} is worse than promised, beyond chance, first on {report.performance.first}."
        yield Alarm("performance", metric.name, said)
    named: tuple[tuple[Kind, Iterable[Drift]], ...] = (("drift", report.features), ("scores", report.scores))
    for kind, drifts in named:
        yield from (Alarm(kind, one.name, one.sentence) for one in drifts if one.evidence.alarm)


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: from_plain(item) for name, item in fields.items()}


def _number(told: Mapping[str, Any] | None) -> Number | None:
    return Number(**_plain(told)) if told else None
