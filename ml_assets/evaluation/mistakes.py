"""The mistakes that a classifier was surest of: where its label is wrong, or it has learnt something that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.errors import InvalidProblem
from ml_assets.evaluation.scored_rows import classes_of, values_of
from ml_assets.problem import FeatureTable, Problem

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST = 16


@dataclass(frozen=True)
class Mistakes:
    """Rows that were taken for another class, as pictures, the surest first.

    Attributes:
        pictures: shape (k, height, width), 0 (dark) to 1 (bright).
        label, predicted: classes, shape (k,).
        confidence: probability of the predicted class, shape (k,).
        total: how many mistakes there are of how many rows.
    """

    pictures: np.ndarray
    label: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    total: tuple[int, int]


def mistakes_as_pictures(
    problem: Problem, rows: FeatureTable, scored: pd.DataFrame, most: int = MOST
) -> Mistakes | None:
    """The most confident mistakes among ``scored``, drawn by the problem's ``picture``; None if it has none.

    Args:
        rows: from which ``scored_rows`` made ``scored``.
    Raises:
        InvalidProblem: if ``picture`` does not return one picture per row.
    """
    import numpy as np

    if problem.picture is None:
        return None
    judged = rows.rows(~np.isnan(rows.label))
    at = most_confident(scored, most)
    probabilities, label = values_of(scored)[at], scored["label"].to_numpy()
    predicted = most_probable(scored)
    return Mistakes(
        pictures=_pictures(problem.name, problem.picture(judged.features.iloc[at]), len(at)),
        label=label[at].astype(int),
        predicted=predicted[at],
        confidence=probabilities.max(axis=1),
        total=(int((predicted != label).sum()), len(scored)),
    )


def most_confident(scored: pd.DataFrame, most: int = MOST) -> np.ndarray:
    """Positions (k,) of the rows taken for another class, by the probability of that class, largest first; ties in order."""
    import numpy as np

    probabilities = values_of(scored)
    wrong = np.flatnonzero(most_probable(scored) != scored["label"].to_numpy())
    by_confidence = np.argsort(-probabilities[wrong].max(axis=1), kind="stable")
    surest: np.ndarray = wrong[by_confidence][:most]
    return surest


def most_probable(scored: pd.DataFrame) -> np.ndarray:
    """The class of each row that the model takes for the most probable one, shape (n,); of several the lowest."""
    import numpy as np

    predicted: np.ndarray = np.array(classes_of(scored))[values_of(scored).argmax(axis=1)]
    return predicted


def _pictures(problem: str, drawn: object, rows: int) -> np.ndarray:
    import numpy as np

    pictures = np.asarray(drawn)
    if pictures.ndim != 3 or len(pictures) != rows or pictures.dtype.kind not in "fiub":
        raise InvalidProblem(
            f"Problem {problem!r}: picture() returned {pictures.dtype} {pictures.shape} for {rows} rows. "
            f"Return one grey picture per row, numbers from 0 (dark) to 1 (bright), shape ({rows}, height, width)."
        )
    return pictures
