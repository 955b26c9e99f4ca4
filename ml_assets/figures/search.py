"""How a search went, on one page: of parameters its history and how much each mattered, of candidates how far they are apart."""

from __future__ import annotations

from collections.abc import Sequence

from ml_assets.evaluation.candidates import Standing
from ml_assets.figures import panels
from ml_assets.figures.panels import ByFeature
from ml_assets.figures.sheet import Bars, Line, Panel, Point, Sheet

TITLE = "How the search went"
OF_CANDIDATES = "Candidates on the validation rows"


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


def candidates_report(standing: Sequence[Standing], metric: str) -> Sheet:
    """Each candidate with its 95 % interval, and how far it is behind the best, which is less uncertain: on the same rows.

    Args:
        standing: the best first.
        metric: name of what decides.
    """
    names = tuple(one.candidate for one in standing)
    scores = Bars(
        names,
        tuple(one.scores[metric] for one in standing),
        spreads=tuple((one.low, one.high) for one in standing),
    )
    leads = [(one.candidate, one.lead) for one in standing if one.lead is not None]
    behind = Bars(
        tuple(name for name, _ in leads),
        tuple(lead.gain for _, lead in leads),
        limits=(0.0,),
        spreads=tuple((lead.low, lead.high) for _, lead in leads),
    )
    both = (
        Panel("Candidates, with 95 % intervals", metric, bars=scores),
        Panel("Behind the best (a whisker over 0: by chance)", f"difference in {metric}, 95 % interval", bars=behind),
    )
    return Sheet(OF_CANDIDATES, (both,))
