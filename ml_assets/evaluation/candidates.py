"""Which of several models is best on the same rows, and how far the others are behind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.evaluation.comparison import Comparison, compare_answers
from ml_assets.evaluation.intervals import intervals
from ml_assets.evaluation.metrics import Answers, value_of, written
from ml_assets.evaluation.units import Units
from ml_assets.problem import Better, Metric

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Candidates:
    """A choice among candidates as it is stored. The same candidates have the same bits.

    Attributes:
        table: a row for each, see ``table_of``.
        best: the name of the best.
        figure: the ``figures.Sheet`` as JSON.
    """

    table: pd.DataFrame
    best: str
    figure: Any


@dataclass(frozen=True)
class Standing:
    """One candidate.

    Attributes:
        scores: by metric.
        low, high: 95 % interval of the first metric; NaN where it has none.
        lead: the best against this one, on the same rows; None of the best itself.
    """

    candidate: str
    scores: Mapping[str, float]
    low: float
    high: float
    lead: Comparison | None = None

    def sentence(self, metric: Metric) -> str:
        """``linear 0.312: the best is better by 0.021, 95 % interval [0.015, 0.027]``."""
        said = f"{self.candidate} {written(self.scores[metric.name], metric.unit)}"
        return f"{said}: the best is {self.lead.outcome}" if self.lead else said


def standings(metrics: Sequence[Metric], answers: Mapping[str, Answers], units: Sequence[Units] = ()) -> list[Standing]:
    """The candidates by the first metric, the best first; of equals the one that is named first.

    Args:
        answers: of each candidate, for the same rows. One whose first metric is NaN has no place.
        units: what of these rows is independent of each other; none: single rows.
    """
    first, scores = metrics[0], {name: {m.name: value_of(m, of) for m in metrics} for name, of in answers.items()}
    sign = -1 if first.higher_is_better else 1
    ranked = [name for name in answers if not math.isnan(scores[name][first.name])]
    ranked.sort(key=lambda name: sign * scores[name][first.name])
    if not ranked:
        return []
    spreads, best = intervals([first], {name: answers[name] for name in ranked}, units), answers[ranked[0]]
    return [
        Standing(
            name,
            scores[name],
            spreads[name][first.name].low,
            spreads[name][first.name].high,
            compare_answers(Better(first), best.label, best.prediction, answers[name].prediction, units=units)
            if place
            else None,
        )
        for place, name in enumerate(ranked)
    ]


def table_of(metrics: Sequence[Metric], standing: Sequence[Standing], failed: Mapping[str, str]) -> pd.DataFrame:
    """The candidates as a table, the best first, then those that failed.

    Columns are ``candidate``; every metric; ``low`` and ``high``, the 95 % interval of the first; ``behind``, by how much the
    best is better in it, with ``behind_low`` and ``behind_high``; and ``why`` it failed.
    """
    import pandas as pd

    numbers = [*(metric.name for metric in metrics), "low", "high", "behind", "behind_low", "behind_high"]
    rows = [*map(_row, standing), *({"candidate": name, "why": why} for name, why in failed.items())]
    table = pd.DataFrame(rows, columns=["candidate", *numbers, "why"])
    return table.astype(dict.fromkeys(numbers, "float64"))


def _row(one: Standing) -> dict[str, Any]:
    lead = (one.lead.gain, one.lead.low, one.lead.high) if one.lead else (0.0, 0.0, 0.0)
    behind = dict(zip(("behind", "behind_low", "behind_high"), lead, strict=True))
    return {"candidate": one.candidate, **one.scores, "low": one.low, "high": one.high, **behind, "why": ""}
