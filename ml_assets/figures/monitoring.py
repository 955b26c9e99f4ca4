"""What is drawn of a partition that was monitored: the metric day by day, how far features moved, and since when surely."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ml_assets.figures import panels
from ml_assets.figures.sheet import Line, Panel, Sheet
from ml_assets.monitoring.report import Report

STYLES = ("model", "baseline")  # of the lines of evidence: as many as can be told apart, those that have the most


def monitoring_report(report: Report, metric: str) -> Sheet:
    """The figure of a report.

    Args:
        metric: the problem's first one.
    """
    drift = tuple((one.name, one.psi_corrected) for one in report.features if not math.isnan(one.psi_corrected))
    moved = tuple(sorted(drift, key=lambda pair: -pair[1]))
    title = f"{metric}, {report.span.first} to {report.span.last}"
    return Sheet(title, ((_by_day(report, metric), _evidence(report)), (panels.drift_bars(moved),)))


def _by_day(report: Report, metric: str) -> Panel:
    realised = _points([one.realised.get(metric, math.nan) for one in report.moments])
    estimated = _points([one.estimated.get(metric, math.nan) for one in report.moments])
    lines = (
        Line("realised", realised, "model", marks=True),
        Line("estimated", estimated, "baseline"),
        *_promised(report, metric),
    )
    title = f"{metric} by {report.unit} (near the promise is good)"
    return Panel(title, report.unit, metric, lines=tuple(line for line in lines if line.points))


def _points(values: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """By the number of the day, without what is undefined."""
    return tuple((float(n), float(value)) for n, value in enumerate(values, start=1) if math.isfinite(value))


def _promised(report: Report, metric: str) -> tuple[Line, ...]:
    promise = report.promised.get(metric)
    if promise is None or math.isnan(promise.value) or not report.moments:
        return ()
    return (Line("promised", ((1.0, promise.value), (float(len(report.moments)), promise.value)), "ideal"),)


def _evidence(report: Report) -> Panel:
    every = [
        ("the metric", report.performance),
        *((one.name, one.evidence) for one in (*report.scores, *report.features)),
    ]
    told = sorted((pair for pair in every if pair[1].by_day), key=lambda pair: -pair[1].log10_e)[: len(STYLES)]
    lines = tuple(Line(name, _points(of.by_day), style) for style, (name, of) in zip(STYLES, told, strict=False))
    title = f"Evidence that something moved, by {report.unit} (below the alarm is good)"
    limits = [evidence.threshold for _, evidence in told if math.isfinite(evidence.threshold)]
    alarm = (Line("alarm", ((1.0, min(limits)), (float(len(report.moments)), min(limits))), "ideal"),) if limits else ()
    return Panel(title, report.unit, "log10 of the odds against chance", lines=(*lines, *alarm))
