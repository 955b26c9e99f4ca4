"""Which lines a chart of a page has; ``figures.svg`` draws them."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ml_assets.figures.svg import line_chart
from ml_assets.lineage.report import PartitionReport
from ml_assets.problem import Partitions

WIDTH = 584  # pixels: two charts beside each other


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
