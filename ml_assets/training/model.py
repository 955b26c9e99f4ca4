"""What a trained model is: the estimator together with the features it was trained on, so that it refuses any others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.errors import FeatureMismatch, InvalidPrediction
from ml_assets.problem import FeatureTable, Problem, TrainingData, TrainingRun
from ml_assets.training.handout import difference, in_order, own, own_data, own_rows

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
    """Train the problem's model on ``data``, of which it gets copies: what it does to them is its own affair."""
    estimator = problem.train(own_data(data), params, run)
    features = _columns(data.train.features)
    return TrainedModel(estimator, tuple(features), tuple(features.values()))


def predict(problem: Problem, model: TrainedModel, features: pd.DataFrame, name: str = "the model") -> np.ndarray:
    """The model's answer for each row: shape (n,) or (n, classes).

    Columns the model was not trained on are left out: a champion can be judged beside a challenger that has more. The rows
    that ``problem.predict`` gets are a copy with a default index.

    Args:
        name: how errors call the model.
    Raises:
        FeatureMismatch: if a column it was trained on is missing or has another type.
        InvalidPrediction: if the answer is not made of numbers, or says of other rows than these.
    """
    given = _columns(features)
    if any(given.get(column) != dtype for column, dtype in model.features.items()):
        raise FeatureMismatch(_difference(name, model.features, given))
    rows = own(features[list(model.columns)]).reset_index(drop=True)
    answer = _answer(problem.predict(model.estimator, rows), len(features), name, "predict")
    if answer.dtype.kind not in NUMBERS:
        raise InvalidPrediction(
            f"{name} answers with values of type {answer.dtype}, which are no numbers. Let the problem's predict return an "
            "array of numbers, shape (n,) or (n, classes)."
        )
    return answer


def baseline(problem: Problem, train: FeatureTable, test: FeatureTable) -> np.ndarray:
    """The baseline's answer for each row of ``test``: shape (n,) or (n, classes). It gets copies of both.

    Raises:
        InvalidPrediction: if it says of other rows than these.
    """
    return _answer(problem.baseline(own_rows(train), own_rows(test)), len(test), "the baseline", "baseline")


def _answer(returned: Any, rows: int, name: str, function: str) -> np.ndarray:
    """What a function returned, as an array of its own, in the order of the rows; what pandas has labelled is put into it."""
    import numpy as np
    import pandas as pd

    if isinstance(returned, pd.Series | pd.DataFrame) and len(returned) == rows:
        ordered = in_order(returned, pd.RangeIndex(rows))
        if ordered is None:
            raise InvalidPrediction(
                f"{name} answers with another index than its rows have: {difference(returned.index, pd.RangeIndex(rows))}. Let "
                f"the problem's {function} keep the index that it is given, or return an array in the order of the rows."
            )
        returned = ordered
    return np.array(returned)  # a copy: it may be a buffer that the next call fills


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
