"""What a search leaves behind: its trials, the best parameters, and how much each parameter mattered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.errors import SearchFailed
from ml_assets.problem import Problem, Tuning
from ml_assets.training.tuning.suggestions import rounds
from ml_assets.training.tuning.trial import Trial

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Study:
    """A search as it is stored. The same search has the same bits.

    Attributes:
        trials: a row per trial: number, round, state, score, steps, why, and a column ``params.<name>`` for each parameter.
        best: the parameters of the best trial.
        importance: parameter -> the share of the scores' spread that it explains, largest first.
        figure: history and importance: the ``figures.Sheet`` as JSON; of older versions a ``store.Png``.
    """

    trials: pd.DataFrame
    best: dict[str, Any]
    importance: dict[str, float]
    figure: Any


def best_of(problem: Problem, trials: Sequence[Trial]) -> Trial:
    """The trial with the best score; of equals the first.

    Raises:
        SearchFailed: if none has a score.
    """
    scores = {trial.number: trial.result.score for trial in trials if trial.result.score is not None}
    if not scores:
        raise SearchFailed(
            f"{problem.name}: none of {len(trials)} trials came to a score. The first: {trials[0].result.why} "
            "Mend train, or narrow the space of the problem's tuning."
        )
    best = max(scores.values()) if problem.metrics[0].higher_is_better else min(scores.values())
    return next(trial for trial in trials if scores.get(trial.number) == best)


def table_of(tuning: Tuning, trials: Sequence[Trial]) -> pd.DataFrame:
    """See ``Study.trials``."""
    import pandas as pd

    round_of = {number: n for n, numbers in enumerate(rounds(tuning), start=1) for number in numbers}
    told = {
        "number": [trial.number for trial in trials],
        "round": [round_of[trial.number] for trial in trials],
        "state": [str(trial.result.state) for trial in trials],
        "score": pd.Series([trial.result.score for trial in trials], dtype="float64"),
        "steps": [trial.result.steps for trial in trials],
        "why": [trial.result.why for trial in trials],
    }
    params = {f"params.{name}": _column([trial.params[name] for trial in trials]) for name in sorted(tuning.space)}
    return pd.DataFrame(told | params)


def _column(values: list[Any]) -> list[Any]:
    """Values of one type as they are, of several as text: a column of a table has one."""
    return values if len({type(value) for value in values}) == 1 else [str(value) for value in values]
