"""What is drawn of models: reports of an evaluation (matplotlib), and line charts as SVG text (nothing but Python)."""

from ml_assets.figures.compact import compact, png
from ml_assets.figures.report import binary_report, multiclass_report, regression_report
from ml_assets.figures.search import search_report
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
    "as_markdown",
    "binary_report",
    "compact",
    "image_markdown",
    "interval_chart",
    "line_chart",
    "multiclass_report",
    "png",
    "regression_report",
    "search_report",
    "sparkline",
]
