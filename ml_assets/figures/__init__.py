"""What is drawn of models, as SVG text: reports of an evaluation or a search, and line charts."""

from ml_assets.figures.draw import draw, draw_small
from ml_assets.figures.monitoring import monitoring_report
from ml_assets.figures.report import binary_report, multiclass_report, regression_report
from ml_assets.figures.search import candidates_report, search_report
from ml_assets.figures.sheet import Sheet
from ml_assets.figures.svg import (
    COLOR_NAMES,
    INLINE,
    as_markdown,
    image_markdown,
    interval_chart,
    line_chart,
    sparkline,
)

__all__ = [
    "COLOR_NAMES",
    "INLINE",
    "Sheet",
    "as_markdown",
    "binary_report",
    "candidates_report",
    "draw",
    "draw_small",
    "image_markdown",
    "interval_chart",
    "line_chart",
    "monitoring_report",
    "multiclass_report",
    "regression_report",
    "search_report",
    "sparkline",
]
