"""What a trained model is: the estimator together with the features it was trained on, so that it refuses any others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.errors import FeatureMismatch, InvalidPrediction
from ml_assets.problem import Problem, TrainingData, TrainingRun

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NUMBERS = "fiub"  # NumPy's kinds: floats, whole numbers, truths


@dataclass(frozen=True)
class TrainedModel:
    """An estimator and the columns it was trained on.

    Attributes:
        estimator: whatever the problem's ``train`` returned.
        columns: names of the features in training order: many estimators go by position.
        dtypes: their types, in the same order.
    """

    estimator: Any
    columns: tuple[str, ...]
    dtypes: tuple[str, ...]

    @property
    def features(self) -> dict[str, str]:
        """Column name -> dtype, in training order."""
        return dict(zip(self.columns, self.dtypes, strict=True))


def fit(problem: Problem, data: TrainingData, params: Any, run: TrainingRun) -> TrainedModel:
    """Train the problem's model on ``data``."""
    estimator = problem.train(data, params, run)
    features = _columns(data.train.features)
    return TrainedModel(estimator, tuple(features), tuple(features.values()))


def predict(problem: Problem, model: TrainedModel, features: pd.DataFrame, name: str = "the model") -> np.ndarray:
    """The model's answer for each row: shape (n,) or (n, classes).

    Columns the model was not trained on are left out: a champion can be judged beside a challenger that has more.

    Args:
        name: how errors call the model.
    Raises:
        FeatureMismatch: if a column it was trained on is missing or has another type.
        InvalidPrediction: if the answer is not made of numbers.
    """
    import numpy as np

    given = _columns(features)
    if any(given.get(column) != dtype for column, dtype in model.features.items()):
        raise FeatureMismatch(_difference(name, model.features, given))
    answer = np.asarray(problem.predict(model.estimator, features[list(model.columns)]))
    if answer.dtype.kind not in NUMBERS:
        raise InvalidPrediction(
            f"{name} answers with values of type {answer.dtype}, which are no numbers. Let the problem's predict return an "
            "array of numbers, shape (n,) or (n, classes)."
        )
    return answer


def _columns(features: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in features.dtypes.items()}


def _difference(name: str, trained: dict[str, str], given: dict[str, str]) -> str:
    lacks = [repr(column) for column in trained if column not in given]
    other = [f"{c!r} as {given[c]} (trained on {trained[c]})" for c in trained if c in given and given[c] != trained[c]]
    parts = [f"lacks {', '.join(lacks)}"] * bool(lacks) + [f"has {', '.join(other)}"] * bool(other)
    return (
        f"{name} was trained on {len(trained)} features; this input {' and '.join(parts)}. "
        "Missing features are never filled in; fix the problem's features()."
    )
