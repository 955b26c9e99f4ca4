"""Judge a model on rows it has never seen: metrics with intervals, beside a baseline, by slice, against the gates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ml_assets.classes import by_column
from ml_assets.evaluation.intervals import RESAMPLES, Interval, intervals
from ml_assets.evaluation.metrics import Answers, value_of, written
from ml_assets.evaluation.plain import from_plain, to_plain
from ml_assets.evaluation.scored_rows import classes_of, scored_rows, values_of
from ml_assets.evaluation.slices import SliceScore, rows_of_slice, slice_scores
from ml_assets.evaluation.units import Units, units_in
from ml_assets.problem import FeatureTable, Gate, Metric, Problem

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Estimate:
    """A metric and its 95 % interval; NaN where undefined, see ``intervals``.

    Attributes:
        undefined: how many resamples had no value; the interval leaves them out.
        method: how the interval was found, in words; empty in older evaluations, which resampled the rows a thousand times.
    """

    value: float
    low: float
    high: float
    undefined: int = 0
    method: str = ""


Scores = Mapping[str, Estimate]  # by metric name


@dataclass(frozen=True)
class GateVerdict:
    """Whether a metric keeps the limit of a gate.

    Attributes:
        bound: whether the value must be at least or at most ``limit``.
        origin: where a limit comes from that is relative to the baseline; else empty.
        rows, low, high: how many rows judged and the metric's 95 % interval; 0 and NaN of older evaluations. The value
            decides, not the interval.
        slice: the rows on which it is held, ``carrier = 9E``; empty: all that judge.
        untold: why nobody can tell whether a gate on a slice holds; then it is not passed.
    """

    metric: str
    bound: Literal["at least", "at most"]
    value: float
    limit: float
    passed: bool
    origin: str = ""
    unit: str = "1"
    rows: int = 0
    low: float = math.nan
    high: float = math.nan
    slice: str = ""
    untold: str = ""

    @property
    def name(self) -> str:
        """The metric, and of which rows where not all count: ``auroc of carrier = 9E``."""
        return f"{self.metric} of {self.slice}" if self.slice else self.metric

    @property
    def sentence(self) -> str:
        """``auroc 0.571 fails its gate: at least 0.580 is required.``; of few rows, or few units of chance, also how few."""
        if self.untold:
            return f"{self.name}: cannot tell whether its gate holds, for {self.untold}."
        seen = written(self.value, self.unit, apart_from=self.limit)
        limit = written(self.limit, self.unit, apart_from=self.value)
        verb = "passes" if self.passed else "fails"
        return f"{self.name} {seen} {verb} its gate: {self.bound} {limit} is required{self.origin}{self._evidence}."

    @property
    def _evidence(self) -> str:
        few = bool(self.rows) and not math.isnan(self.value) and math.isnan(self.low)
        if not few and not self.slice:
            return ""
        return f" (of {self.rows:,} row{'s' * (self.rows != 1)}{', and no 95 % interval' * few})"


@dataclass(frozen=True)
class Evaluation:
    """How good a model is on the rows that judge it.

    Attributes:
        rows: how many rows judged: those with a known label.
        unlabelled: how many rows were left out because their label is not known.
        model, baseline: every metric of the problem, on the same rows and the same resamples.
        slices: the model's metrics by the problem's slices, largest first.
        gates: a verdict for each gate, in the problem's order.
    """

    rows: int
    unlabelled: int
    model: Scores
    baseline: Scores
    slices: tuple[SliceScore, ...]
    gates: tuple[GateVerdict, ...]

    @property
    def methods(self) -> str:
        """How intervals were found: ``bootstrap, 1,000 resamples``; where it differs, ``auroc: DeLong's variance; brier: …``.

        Empty of older evaluations.
        """
        of = {name: estimate.method for name, estimate in self.model.items()}
        return next(iter(of.values())) if len({*of.values()}) == 1 else "; ".join(f"{n}: {m}" for n, m in of.items())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; what is undefined (NaN) becomes null, what is infinite the text ``Infinity`` or ``-Infinity``."""
        plain: dict[str, Any] = to_plain(asdict(self))
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Evaluation:
        """The inverse of :meth:`to_json`."""
        return cls(
            rows=plain["rows"],
            unlabelled=plain["unlabelled"],
            model={name: Estimate(**_numbers(e)) for name, e in plain["model"].items()},
            baseline={name: Estimate(**_numbers(e)) for name, e in plain["baseline"].items()},
            slices=tuple(_slice(s) for s in plain["slices"]),
            gates=tuple(GateVerdict(**_numbers(g)) for g in plain["gates"]),
        )


def judge(
    problem: Problem,
    rows: FeatureTable,
    *,
    prediction: np.ndarray,
    baseline: np.ndarray,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """Judge ``prediction`` and ``baseline``, shape (n,) or (n, classes), on ``rows``; see ``judge_scored``.

    Raises:
        InvalidPrediction: if either is no prediction for these rows.
        UnusableSplit: if no row has a label.
        InvalidProblem: if a slice, or a gate's, is not of a column of the rows.
    """
    scored = scored_rows(problem, rows, prediction, baseline)
    return judge_scored(problem, rows, scored, seed=seed, resamples=resamples)


def judge_scored(
    problem: Problem,
    rows: FeatureTable,
    scored: pd.DataFrame,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """Judge what ``scored_rows`` made of ``rows``; those without a label are left out.

    Deterministic: the same arguments give the same evaluation.

    Raises:
        InvalidProblem: if a slice, or a gate's, is not of a column of the rows.
    """
    import numpy as np

    classes = classes_of(scored)
    by = {"model": values_of(scored), "baseline": values_of(scored, "baseline")}
    label, _ = by_column(scored["label"].to_numpy(), by["model"], classes)
    answers = {who: Answers(label, said) for who, said in by.items()}
    scorer = _Scorer(units_in(scored), seed, resamples)
    scores = scorer.of(problem.metrics, answers)
    known = ~np.isnan(rows.label)
    judged = rows if known.all() else rows.rows(known)
    return Evaluation(
        rows=len(scored),
        unlabelled=len(rows) - len(scored),
        model=scores["model"],
        baseline=scores["baseline"],
        slices=tuple(
            s for column in problem.slices for s in slice_scores(problem, judged, by["model"], column, classes)
        ),
        gates=tuple(
            _verdict(gate, scores["model"], scores["baseline"], len(scored))
            if gate.slice is None
            else _verdict_on_slice(problem, gate, judged, answers, scorer)
            for gate in problem.gates
            if isinstance(gate, Gate)
        ),
    )


@dataclass(frozen=True)
class _Scorer:
    """Computes metrics with their intervals, by model and baseline."""

    units: Sequence[Units]
    seed: int
    resamples: int

    def of(self, metrics: Sequence[Metric], answers: Mapping[str, Answers]) -> dict[str, Scores]:
        """Of all rows."""
        spreads = intervals(metrics, answers, self.units, seed=self.seed, resamples=self.resamples)
        return {
            who: {m.name: _estimate(value_of(m, of), spreads[who][m.name]) for m in metrics}
            for who, of in answers.items()
        }

    def at(self, rows: np.ndarray, metric: Metric, answers: Mapping[str, Answers]) -> dict[str, Scores]:
        """One metric of some of the rows, by their positions."""
        inside = {who: Answers(of.label[rows], of.prediction[rows]) for who, of in answers.items()}
        return replace(self, units=[of.rows(rows) for of in self.units]).of([metric], inside)


def _estimate(value: float, spread: Interval) -> Estimate:
    return Estimate(value, spread.low, spread.high, spread.undefined, spread.method)


# ---------------------------------------------------------------- gates


def _verdict(gate: Gate, model: Scores, baseline: Scores, rows: int) -> GateVerdict:
    metric, estimate = gate.metric, model[gate.metric.name]
    seen = estimate.value
    origin = ""
    if gate.above_baseline_by is not None:
        dumb = baseline[metric.name].value
        limit = dumb + gate.above_baseline_by if metric.higher_is_better else dumb - gate.above_baseline_by
        at_least = metric.higher_is_better
        origin = f", {gate.above_baseline_by:g} better than the baseline's {written(dumb, metric.unit)}"
    else:
        at_least = gate.at_least is not None
        limit = gate.at_least if gate.at_least is not None else gate.at_most  # type: ignore[assignment]  # one is given
    passed = seen >= limit if at_least else seen <= limit  # never for NaN
    return GateVerdict(
        metric.name,
        "at least" if at_least else "at most",
        seen,
        limit,
        passed,
        origin,
        metric.unit,
        rows,
        estimate.low,
        estimate.high,
        gate.slice or "",
    )


def _verdict_on_slice(
    problem: Problem,
    gate: Gate,
    rows: FeatureTable,
    answers: Mapping[str, Answers],
    scorer: _Scorer,
) -> GateVerdict:
    """A gate held on the rows of its slice alone, the baseline's, too; where it cannot be, it says why."""
    inside, trouble = rows_of_slice(problem, rows, *(gate.column_and_value or ("", "")))
    if trouble:
        return _untold(gate, len(inside), trouble)
    scores = scorer.at(inside, gate.metric, answers)
    found = _verdict(gate, scores["model"], scores["baseline"], len(inside))
    is_undefined = math.isnan(found.value) or math.isnan(found.limit)
    return _untold(gate, len(inside), f"it is undefined on these {len(inside):,} rows") if is_undefined else found


def _untold(gate: Gate, rows: int, why: str) -> GateVerdict:
    nothing = {gate.metric.name: Estimate(math.nan, math.nan, math.nan)}
    return replace(_verdict(gate, nothing, nothing, rows), origin="", untold=why)


# ---------------------------------------------------------------- JSON


def _slice(fields: Mapping[str, Any]) -> SliceScore:
    scores = {name: None if item is None else from_plain(item) for name, item in fields["scores"].items()}
    return SliceScore(**{**fields, "scores": scores})


def _numbers(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: from_plain(item) for name, item in fields.items()}
