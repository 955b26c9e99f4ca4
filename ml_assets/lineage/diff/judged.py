"""How two evaluations differ: the metrics, the slices that moved most, and the gates whose verdict changed.

Intervals of two evaluations may overlap although one model is clearly better: both were lucky with the same rows. On the
same rows the difference itself has an interval, see ``gain``. On other rows it has none: see ``scored_again``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.evaluation.comparison import Comparison, compare
from ml_assets.evaluation.judge import Evaluation, GateVerdict
from ml_assets.evaluation.plain import from_plain
from ml_assets.evaluation.slices import SliceScore
from ml_assets.lineage.report import most_important_first
from ml_assets.problem import Better, Metric
from ml_assets.store import Manifest

if TYPE_CHECKING:
    import pandas as pd

MOST_SLICES = 5


@dataclass(frozen=True)
class MetricDiff:
    """A metric of two evaluations.

    Attributes:
        old, new: value, low, high and baseline, as in the manifest; None where an evaluation has no such metric.
        better: whether the new value is; None where that is not known, they are equal or come from other rows.
        overlap: whether the intervals do; None where one is undefined.
    """

    name: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    better: bool | None
    overlap: bool | None


@dataclass(frozen=True)
class SliceDiff:
    """The most important metric over the rows where ``column`` has ``value``, and how many rows these are."""

    column: str
    value: str
    metric: str
    old: float
    new: float
    rows: tuple[int, int]


@dataclass(frozen=True)
class GateDiff:
    """A gate whose verdict changed, as the sentences of both evaluations."""

    metric: str
    passes: bool
    old: str
    new: str


def metrics_diff(
    old: Manifest, new: Manifest, metrics: Sequence[Metric] = (), *, same_rows: bool = True
) -> tuple[MetricDiff, ...]:
    """All metrics with an interval, most important first; none where both evaluations say exactly the same.

    Args:
        metrics: of the problem, for their directions; those it does not have are of unknown direction.
        same_rows: whether both were judged on the same rows: numbers of others are neither better nor worse.
    """
    here, there = (_estimates(manifest) for manifest in (old, new))
    if here == there:
        return ()
    higher = {metric.name: metric.higher_is_better for metric in metrics} if same_rows else {}
    names = dict.fromkeys([*there, *here])
    return tuple(_metric(name, here.get(name), there.get(name), higher.get(name)) for name in names)


def on_same_rows(old: pd.DataFrame, new: pd.DataFrame) -> bool:
    """Whether the scored rows of two evaluations are the same ones, with the same labels, in the same order."""
    import numpy as np

    return all(np.array_equal(old[name], new[name]) for name in ("entity", "label"))


def gain(better: Better, old: pd.DataFrame, new: pd.DataFrame) -> Comparison | None:
    """By how much the new model (the challenger) is better, in the metric that decides; None if judged on other rows.

    Args:
        old, new: the scored rows of both evaluations.
    """
    return compare(better, challenger=new, champion=old) if on_same_rows(old, new) else None


def slices_diff(old: Evaluation, new: Evaluation, metric: str) -> tuple[SliceDiff, ...]:
    """The slices in which ``metric`` moved most, largest move first; only those that both evaluations could judge."""
    before = {(of.column, of.value): of for of in old.slices}
    moved = [
        SliceDiff(of.column, of.value, metric, was, now, (before[of.column, of.value].rows, of.rows))
        for of in new.slices
        if (of.column, of.value) in before
        and (was := _score(before[of.column, of.value], metric)) is not None
        and (now := _score(of, metric)) is not None
        and was != now
    ]
    return tuple(sorted(moved, key=lambda of: -abs(of.new - of.old))[:MOST_SLICES])


def gates_diff(old: Evaluation, new: Evaluation) -> tuple[GateDiff, ...]:
    """The gates that both evaluations have and judge differently."""
    return tuple(_changed_gates({_identity(gate): gate for gate in old.gates}, new.gates))


def _metric(
    name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, higher_is_better: bool | None
) -> MetricDiff:
    was, now = _value(old), _value(new)
    better = None
    if was is not None and now is not None and higher_is_better is not None and was != now:
        better = (now > was) == higher_is_better
    return MetricDiff(name, old, new, better, _overlap(old or {}, new or {}))


def _value(of: Mapping[str, Any] | None) -> float | None:
    number = None if of is None else from_plain(of.get("value"))
    return number if isinstance(number, (int, float)) and not math.isnan(number) else None


def _overlap(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool | None:
    if any(of.get(end) is None for of in (old, new) for end in ("low", "high")):
        return None
    (low, high), (other_low, other_high) = ([from_plain(of[end]) for end in ("low", "high")] for of in (old, new))
    return bool(low <= other_high and other_low <= high)


def _estimates(manifest: Manifest) -> dict[str, Mapping[str, Any]]:
    metrics = most_important_first(manifest)
    return {name: of for name, of in metrics.items() if isinstance(of, Mapping) and "value" in of}


def _score(of: SliceScore, metric: str) -> float | None:
    return of.scores.get(metric)


def _identity(gate: GateVerdict) -> tuple[str, str, bool]:
    return gate.name, gate.bound, bool(gate.origin)


def _changed_gates(before: Mapping[Any, GateVerdict], gates: Sequence[GateVerdict]) -> Iterator[GateDiff]:
    for gate in gates:
        was = before.get(_identity(gate))
        if was is not None and (was.passed, bool(was.untold)) != (gate.passed, bool(gate.untold)):
            yield GateDiff(gate.name, gate.passed, was.sentence, gate.sentence)
