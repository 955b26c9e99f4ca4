"""What a trained model is: the estimator together with the features it was trained on, so that it refuses any others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.errors import FeatureMismatch, InvalidPrediction
from ml_assets.problem import Problem, TrainingData, TrainingRun
from ml_assets.values import as_numpy, as_type, with_missing

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

    Columns the model was not trained on are left out: a champion can be judged beside a challenger that has more. The others
    are given in the type of training, where that holds their values: a feature that was float64 because some values were
    missing is so again in a month that lacks none. Whole numbers that were never missing in training, and are now, are floats
    with NaN: the model is asked what it makes of them.

    Args:
        name: how errors call the model.
    Raises:
        FeatureMismatch: if a column it was trained on is missing, or its type of training does not hold the values.
        InvalidPrediction: if the answer is not made of numbers.
    """
    import numpy as np

    asked = _as_trained(model.features, features)
    if asked is None:
        raise FeatureMismatch(_difference(name, model.features, features))
    answer = np.asarray(problem.predict(model.estimator, asked))
    if answer.dtype.kind not in NUMBERS:
        raise InvalidPrediction(
            f"{name} answers with values of type {answer.dtype}, which are no numbers. Let the problem's predict return an "
            "array of numbers, shape (n,) or (n, classes)."
        )
    return answer


def _columns(features: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in features.dtypes.items()}


def _as_trained(trained: dict[str, str], features: pd.DataFrame) -> pd.DataFrame | None:
    """The features of training, in their order and types; None if one is missing or its values do not fit."""
    if any(column not in features for column in trained):
        return None
    changed = {c: _in_type(features[c], dtype) for c, dtype in trained.items() if str(features[c].dtype) != dtype}
    if any(column is None for column in changed.values()):
        return None
    asked = features[list(trained)]
    return asked.assign(**changed) if changed else asked


def _in_type(column: pd.Series, dtype: str) -> pd.Series | None:
    """The column in the type of training or, where only a value is missing, as NumPy has that; None if neither holds it."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype) or dtype == "category":
        return None
    found = as_type(column, dtype)
    if found is not None:
        return found
    nullable = as_type(column, with_missing(dtype))
    return None if nullable is None else as_numpy(nullable.to_frame("column"))["column"]


def _difference(name: str, trained: dict[str, str], features: pd.DataFrame) -> str:
    given = _columns(features)
    lacks = [repr(column) for column in trained if column not in given]
    other = [
        f"{c!r} as {given[c]} (trained on {t})"
        for c, t in trained.items()
        if c in given and given[c] != t and _in_type(features[c], t) is None
    ]
    parts = [f"lacks {', '.join(lacks)}"] * bool(lacks) + [f"has {', '.join(other)}"] * bool(other)
    return (
        f"{name} was trained on {len(trained)} features; this input {' and '.join(parts)}. "
        "Missing features are never filled in; fix the problem's features()."
    )
