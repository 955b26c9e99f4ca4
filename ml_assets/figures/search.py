"""How a search for parameters went, on one page: its history, and how much each parameter mattered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ml_assets.figures import panels
from ml_assets.figures.panels import BASELINE, MODEL, ByFeature
from ml_assets.figures.report import ROW_INCHES, WIDTH_INCHES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = Sequence[tuple[float, float]]


def search_report(trials: Points, best: Points, importance: ByFeature, metric: str) -> Figure:
    """The score of each trial with the best so far, and the importance of each parameter.

    Args:
        trials, best: number of a trial and its score, or the best until then.
        importance: parameter and share of the scores' spread, largest first.
        metric: name of the score.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, ROW_INCHES), layout="constrained")
    left, right = figure.subplots(1, 2)
    _history(left, trials, best, metric)
    panels.bars(right, importance, "Importance of parameters (long: it decides)", f"share of the spread of {metric}")
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
        axis.title.set_fontsize("medium")
    return figure


def _history(axis: Axes, trials: Points, best: Points, metric: str) -> None:
    from matplotlib.ticker import MaxNLocator

    points, line = BASELINE["color"], MODEL["color"]
    axis.plot([at for at, _ in trials], [score for _, score in trials], "o", color=points, markersize=5, label="trial")
    axis.plot(
        [at for at, _ in best], [score for _, score in best], color=line, drawstyle="steps-post", label="best so far"
    )
    axis.set(title="History of the search", xlabel="trial", ylabel=metric.replace("$", r"\$"))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(frameon=False, fontsize="small")
