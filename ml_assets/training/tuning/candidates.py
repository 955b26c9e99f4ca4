"""What the model of a candidate answers for the rows that choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.classes import by_column
from ml_assets.problem import FeatureTable, Problem
from ml_assets.training.model import TrainedModel, answered_classes, predict

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Answered:
    """What became of a candidate, as it is stored.

    Attributes:
        model: the version of its model; empty where it has none.
        label, answer: of the validation rows: shape (n,), and as ``Problem.predict`` has it; of several classes labels are the
            columns of the answer.
        why: why it cannot be judged; empty if it can.
    """

    model: str
    label: np.ndarray
    answer: np.ndarray
    why: str = ""


def answered(problem: Problem, model: TrainedModel, rows: FeatureTable, version: str) -> Answered:
    """Ask a model about the rows that choose.

    Args:
        version: the model's.
    Raises:
        InvalidPrediction, FeatureMismatch: see ``predict``.
    """
    import numpy as np

    answer = predict(problem, model, rows.features)
    label, answer = by_column(rows.label, answer, answered_classes(problem, model))
    return Answered(
        version, label, answer, "" if np.isfinite(answer).all() else "for some rows it answers with no number"
    )


def without_model(why: str) -> Answered:
    """Of a candidate whose training failed."""
    import numpy as np

    return Answered("", np.empty(0), np.empty(0), why)
