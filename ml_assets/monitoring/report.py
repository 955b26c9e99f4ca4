"""What monitoring says of a span of time, as plain values: for the store, a check, a page, a decision to train again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ml_assets.evaluation.judge import Estimate
from ml_assets.evaluation.plain import from_plain, to_plain
from ml_assets.evaluation.slices import SliceScore


@dataclass(frozen=True)
class Span:
    """The time that a report is about.

    Attributes:
        first, last: its first and last day (hour) as ISO text; empty where the problem has no time.
        days: how long it is; its share of a year is its share of the year's false alarms.
    """

    first: str
    last: str
    days: float


@dataclass(frozen=True)
class Moment:
    """One unit of chance in the span: a day, an hour; of a problem without time, all of the report's rows.

    Attributes:
        at: as ISO text; empty where there is no time.
        rows, labelled: how many were answered, and of how many the outcome is known.
        realised: each metric over its labelled rows, NaN where undefined.
        estimated: each metric as estimated before outcomes, NaN where there is none.
        features_moved: the names of features whose evidence first reached the report's threshold here.
        running, running_low, running_high: the first metric's mean over the days up to here, and a confidence sequence for it:
            all of a span's days are inside at once with 95 %. NaN where there is none.
    """

    at: str
    rows: int
    labelled: int = 0
    realised: Mapping[str, float] = field(default_factory=dict)
    estimated: Mapping[str, float] = field(default_factory=dict)
    features_moved: tuple[str, ...] = ()
    running: float = math.nan
    running_low: float = math.nan
    running_high: float = math.nan


@dataclass(frozen=True)
class Evidence:
    """An anytime-valid test over the days of the span: how surely they are not what went before.

    Attributes:
        log10_e: the largest evidence that there was, as decimal logarithm: 3 or more comes by chance once in a thousand spans.
        threshold: from where on it is an alarm; inf where nothing can be.
        alarm: whether it reached the threshold. Per year of daily looks, by chance, at most as often as the report states.
        suspected: whether it would, were this the only thing that is looked at: worth a glance, no alarm.
        first: the day on which it did; empty if never.
        what: which number moved most: ``missing``, ``middle``, ``spread``, ``out of range``, ``unseen``, ``share of EWR``.
        smallest_p: of a single day and a single number, not corrected for how many there are; NaN where there is none.
        by_day: the evidence after each day of ``at``.
        at: those days as ISO text: of drift those of ``Report.moments``, of performance those on which outcomes became known.
        p: of a live look, number -> the p-value of each day of ``at``; so those that follow leave days as they were.
        units: how many days of the reference there were.
        untold: why nothing can be said; empty if it can.
    """

    log10_e: float = 0.0
    threshold: float = math.inf
    alarm: bool = False
    suspected: bool = False
    first: str = ""
    what: str = ""
    smallest_p: float = math.nan
    by_day: tuple[float, ...] = ()
    at: tuple[str, ...] = ()
    p: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    units: int = 0
    untold: str = ""


@dataclass(frozen=True)
class Drift:
    """How one feature (or score) moved.

    Attributes:
        name: of the column.
        kind: ``number``, ``truth``, ``time`` or ``category``.
        evidence: the test.
        psi: population stability index of the whole span against the reference; NaN where a side is empty.
        psi_by_chance: what it would be on average if nothing had moved, days being as different as they are.
        missing_before, missing: shares of rows without a value.
        out_of_range: share of rows below the smallest or above the largest value of the reference; NaN of categories.
        unseen: values that the reference never had, and how many rows have them; the most frequent ten.
        unseen_rows: how many rows have such values in all.
    """

    name: str
    kind: str
    evidence: Evidence
    psi: float = math.nan
    psi_by_chance: float = math.nan
    missing_before: float = math.nan
    missing: float = math.nan
    out_of_range: float = math.nan
    unseen: tuple[tuple[str, int], ...] = ()
    unseen_rows: int = 0

    @property
    def psi_corrected(self) -> float:
        """The index less what chance makes of it; may be a little below 0."""
        return self.psi - self.psi_by_chance

    @property
    def sentence(self) -> str:
        """``distance moved (middle), first on 2013-05-03: ...``."""
        if self.evidence.untold:
            return f"{self.name}: cannot tell whether it moved, for {self.evidence.untold}."
        moved = "moved" if self.evidence.alarm else "may have moved" if self.evidence.suspected else "did not move"
        on = f" first on {self.evidence.first}" if self.evidence.first else ""
        odds = f"evidence 10^{self.evidence.log10_e:.1f}, an alarm from 10^{self.evidence.threshold:.1f}"
        return f"{self.name} {moved}{on} ({self.evidence.what}): {odds}; PSI {self.psi_corrected:.3f} beyond chance."


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of about the same predicted probability (or, of regression, predicted value).

    Attributes:
        predicted, observed: their means.
        low, high: 95 % interval of ``observed``, by the unit of chance; NaN where there are too few.
    """

    predicted: float
    observed: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True)
class Report:
    """What monitoring found in a span.

    Attributes:
        unit: the unit of chance: ``day``, ``hour``, ``group``, ``row``.
        rows, labelled: how many were answered, and of how many the outcome is known.
        alarms_per_year: the stated rate: the chance that a year of reports, looked at daily, raises any false alarm.
        rate: the share of it that this report may spend; a third each for features, scores and performance.
        moments: the span's days in order.
        features, scores: drift, strongest evidence first.
        realised: metric -> value with 95 % interval, over all labelled rows; none where there are none.
        realised_untold: why there is none.
        calibration, slices: of the labelled rows.
        promised: metric -> what the model's evaluation said, on the rows that judged it.
        performance: evidence that the first metric is worse than was promised.
        estimated: metric -> value with 95 % interval, as estimated from all rows without looking at an outcome.
        estimated_untold: metric -> why there is none.
    """

    span: Span
    unit: str
    rows: int
    labelled: int
    alarms_per_year: float
    rate: float
    moments: tuple[Moment, ...] = ()
    features: tuple[Drift, ...] = ()
    scores: tuple[Drift, ...] = ()
    realised: Mapping[str, Estimate] = field(default_factory=dict)
    realised_untold: str = ""
    calibration: tuple[CalibrationBin, ...] = ()
    slices: tuple[SliceScore, ...] = ()
    promised: Mapping[str, Estimate] = field(default_factory=dict)
    performance: Evidence = Evidence(untold="no outcome is known")
    estimated: Mapping[str, Estimate] = field(default_factory=dict)
    estimated_untold: Mapping[str, str] = field(default_factory=dict)

    @property
    def alarms(self) -> tuple[str, ...]:
        """What alarms: a sentence each."""
        moved = [one.sentence for one in (*self.features, *self.scores) if one.evidence.alarm]
        worse = [f"The model is worse than promised, first on {self.performance.first}."] * self.performance.alarm
        return (*worse, *moved)

    @property
    def drift(self) -> float:
        """The largest PSI beyond chance of a feature; NaN where there is none."""
        known = [one.psi_corrected for one in self.features if not math.isnan(one.psi_corrected)]
        return max(known, default=math.nan)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; what is undefined (NaN) becomes null, what is infinite the text ``Infinity``."""
        plain: dict[str, Any] = to_plain(asdict(self))
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Report:
        """The inverse of :meth:`to_json`."""
        several = {"moments": _moment, "features": _drift, "scores": _drift, "slices": _slice, "calibration": _bin}
        fields = {name: from_plain(item) for name, item in plain.items()}
        fields |= {name: tuple(map(of, plain[name])) for name, of in several.items()}
        fields |= {name: _estimates(plain[name]) for name in ("realised", "promised", "estimated")}
        return cls(**{**fields, "span": Span(**plain["span"]), "performance": _evidence(plain["performance"])})


def _numbers(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: from_plain(item) for name, item in fields.items() if item.__hash__} | {
        name: {key: from_plain(one) for key, one in item.items()}
        for name, item in fields.items()
        if isinstance(item, Mapping)
    }


def _estimates(plain: Mapping[str, Any]) -> dict[str, Estimate]:
    return {name: Estimate(**_numbers(fields)) for name, fields in plain.items()}


def _moment(plain: Mapping[str, Any]) -> Moment:
    return Moment(**{**_numbers(plain), "features_moved": tuple(plain["features_moved"])})


def _evidence(plain: Mapping[str, Any]) -> Evidence:
    of_days = {name: tuple(map(from_plain, days)) for name, days in plain.get("p", {}).items()}
    by_day, at = tuple(map(from_plain, plain["by_day"])), tuple(plain["at"])
    return Evidence(**{**_numbers(plain), "by_day": by_day, "at": at, "p": of_days})


def _drift(plain: Mapping[str, Any]) -> Drift:
    unseen = tuple((value, rows) for value, rows in plain["unseen"])
    return Drift(**{**_numbers(plain), "evidence": _evidence(plain["evidence"]), "unseen": unseen})


def _bin(plain: Mapping[str, Any]) -> CalibrationBin:
    return CalibrationBin(**_numbers(plain))


def _slice(plain: Mapping[str, Any]) -> SliceScore:
    return SliceScore(**plain)
