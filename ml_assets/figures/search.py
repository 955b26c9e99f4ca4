"""How a search for parameters went, on one page: its history, and how much each parameter mattered."""

from __future__ import annotations

from collections.abc import Sequence

from ml_assets.figures import panels
from ml_assets.figures.panels import ByFeature
from ml_assets.figures.sheet import Line, Panel, Point, Sheet

TITLE = "How the search went"


def search_report(trials: Sequence[Point], best: Sequence[Point], importance: ByFeature, metric: str) -> Sheet:
    """The score of each trial with the best so far, and the importance of each parameter.

    Args:
        trials, best: number of a trial and its score, or the best until then.
        importance: parameter and share of the scores' spread, largest first.
        metric: name of the score.
    """
    lines = (Line("trial", tuple(trials), "points"), Line("best so far", tuple(best), "model", steps=True))
    history = Panel("History of the search", "trial", metric, lines=lines)
    mattered = panels.bars(
        importance, "Importance of parameters (long: it decides)", f"share of the spread of {metric}"
    )
    return Sheet(TITLE, ((history, mattered),))
