"""Which lines a chart of a page has; ``figures.svg`` draws them."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ml_assets.figures.svg import line_chart
from ml_assets.lineage.report import PartitionReport
from ml_assets.monitoring.finding import Finding
from ml_assets.problem import Partitions

WIDTH = 584  # pixels: two charts beside each other
MOST_LINES = 7  # as many colours can be told apart
MOST_FEATURES = 3  # whose names are read in full


def over_partitions(metric: str, rows: Sequence[PartitionReport]) -> Markup:
    """A metric of the models beside their baselines, over partitions in order."""
    lines = {
        name: [(float(n), _number((row.metrics.get(metric) or {}).get(part))) for n, row in enumerate(rows, start=1)]
        for name, part in (("model", "value"), ("baseline", "baseline"))
    }
    names = [row.partition for row in rows]
    return _drawn(line_chart(lines, title=f"{metric} over partitions", width=WIDTH, x_names=names))


def by_line(metric: str, rows: Sequence[PartitionReport], partitions: Partitions) -> Markup:
    """A metric of the models over time, a line for each line of partitions; their baselines are in the table."""
    times = sorted({partitions.moment(row.partition) for row in rows})
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        point = (
            times.index(partitions.moment(row.partition)) + 1.0,
            _number((row.metrics.get(metric) or {}).get("value")),
        )
        lines.setdefault(str(partitions.line(row.partition)), []).append(point)
    title = f"{metric} by {partitions.line_name}"
    return _drawn(line_chart(dict(sorted(lines.items())), title=title, width=WIDTH, x_names=times))


def promise_over_partitions(found: Sequence[Finding]) -> Markup:
    """The metric as promised, estimated and realised; of one line, in order."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for n, one in enumerate(found, start=1):
        for name, number in one.numbers.items():
            lines.setdefault(name, []).append((float(n), number.value if number else math.nan))
    title = f"{found[-1].metric}: promised, estimated, realised{_of_line(found[-1])}"
    return _drawn(line_chart(lines, title=title, width=WIDTH, x_names=[one.partition for one in found]))


def drift_over_partitions(found: Sequence[Finding]) -> Markup:
    """How far the features have moved that have moved most; of one line, in order."""
    far: dict[str, float] = {}
    for one in found:
        for name, moved in one.features.items():
            far[name] = max(far.get(name, -math.inf), moved.index if math.isfinite(moved.index) else -math.inf)
    names = sorted(far, key=lambda name: (-far[name], name))[:MOST_FEATURES]
    lines = {
        name: [
            (float(n), one.features[name].index if name in one.features else math.nan)
            for n, one in enumerate(found, start=1)
        ]
        for name in names
    }
    title = f"Drift: PSI beyond chance{_of_line(found[-1])}"
    return _drawn(line_chart(lines, title=title, width=WIDTH, x_names=[one.partition for one in found]))


def _of_line(one: Finding) -> str:
    return f", {one.line}" if one.line else ""


def over_steps(training: Any, title: str = "Training") -> Markup | None:
    """What a training reported, over its steps; None if there is nothing to draw.

    Args:
        training: ``{"step": […], "<metric>": […]}``, as noted in the manifest of a model, or of what a command made.
    """
    if not isinstance(training, Mapping) or not isinstance(training.get("step"), list):
        return None
    steps = [_number(step) for step in training["step"]]
    lines = {
        str(name): list(zip(steps, map(_number, values), strict=False))
        for name, values in training.items()
        if name != "step" and isinstance(values, list)
    }
    return _drawn(line_chart(lines, title=title, x_label="step", width=WIDTH)) if steps and lines else None


def _number(value: Any) -> float:
    """NaN, which breaks a line, for what is no number."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) <= sys.float_info.max else math.nan


def _drawn(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704  # line_chart escapes every name it is given; a test of these pages holds it
