"""What a trained model is: the estimator together with the features, categories and classes it was trained on.

So it refuses other features, codes of categories mean at prediction what they meant in training, and columns are those of the
classes that they belong to. See ``ml_assets.categories`` and ``ml_assets.classes``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ml_assets import categories as by_value
from ml_assets.classes import Classes, classes_in, every_class, for_every_class, in_words
from ml_assets.errors import FeatureMismatch, InvalidPrediction, InvalidProblem
from ml_assets.problem import FeatureTable, Problem, TrainingData, TrainingRun
from ml_assets.training.handout import difference, in_order, own, own_rows
from ml_assets.training.window import StoredRows
from ml_assets.values import as_numpy, as_type, with_missing

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NUMBERS = "fiub"  # NumPy's kinds: floats, whole numbers, truths
ADDED: Mapping[str, Any] = {"added": True}  # of fields: with its default it is not stored, see the codec of dataclasses


@dataclass(frozen=True)
class TrainedModel:
    """An estimator and what it was trained on.

    Attributes:
        estimator: whatever the problem's ``train`` returned.
        columns: names of the features in training order: many estimators go by position.
        dtypes: their types, in the same order.
        classes: of several classes, those that the train rows have, in ascending order; None: not of several classes, or
            trained before they were recorded.
        categories: categorical feature -> what the model knows of it, see ``ml_assets.categories.learnt``; None: there is
            none, or it was trained before they were recorded.
    """

    estimator: Any
    columns: tuple[str, ...]
    dtypes: tuple[str, ...]
    classes: Classes | None = field(default=None, metadata=ADDED)
    categories: dict[str, Any] | None = field(default=None, metadata=ADDED)

    @property
    def features(self) -> dict[str, str]:
        """Column name -> dtype, in training order."""
        return dict(zip(self.columns, self.dtypes, strict=True))

    @property
    def knows(self) -> dict[str, Any]:
        """What people are told of it: its classes, and how many categories it knows of each feature that has any."""
        sizes = {name: len(of["categories"]) for name, of in (self.categories or {}).items()}
        return {
            **({"classes": list(self.classes)} if self.classes else {}),
            **({"categories": dict(sorted(sizes.items()))} if sizes else {}),
        }

    def cast(self, features: pd.DataFrame) -> pd.DataFrame:
        """The features it was trained on, in their order; a category that it does not know is missing."""
        return by_value.cast(features[list(self.columns)], self.categories or {})


@dataclass
class Unseen:
    """What is noted of rows, counted batch by batch, whose categories a model does not know.

    Attributes:
        rows: categorical feature -> rows so far whose value it does not know.
        lost: the features of which nobody recorded what it knows: their values were left as they are.
    """

    rows: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)

    def count(self, model: TrainedModel, features: pd.DataFrame) -> Unseen:
        """Add the rows that a model was asked about."""
        self.rows.update(by_value.unseen(features, model.categories or {}))
        self.lost = [
            n for n, dtype in model.features.items() if dtype == "category" and n not in (model.categories or {})
        ]
        return self

    @property
    def note(self) -> dict[str, Any]:
        """For a manifest; empty where nothing was unseen."""
        lost = dict.fromkeys(self.lost, "not known: the model is older than such records")
        return {"unseen_categories": {**dict(sorted(self.rows.items())), **lost}} if self.rows or lost else {}


def fit(problem: Problem, data: TrainingData, params: Any, run: TrainingRun) -> TrainedModel:
    """Train the problem's model on ``data``, of which it gets rows of its own: what it does to them is its own affair.

    Categories that no train row has are missing in its validation rows, too.

    Raises:
        InvalidProblem: if train rows have classes that the problem does not name.
    """
    classes, known = _classes(problem, data.train), _learnt(data.train)
    shown = TrainingData(*(_shown(rows, known) for rows in (data.train, data.validation)))
    estimator = problem.train(shown, params, run)
    features = _columns(_types(data.train))
    return TrainedModel(estimator, tuple(features), tuple(features.values()), classes, known or None)


def predict(problem: Problem, model: TrainedModel, features: pd.DataFrame, name: str = "the model") -> np.ndarray:
    """The model's answer for each row: shape (n,), (n, 3) with intervals, or of several classes (n, classes).

    Columns the model was not trained on are left out: a champion can be judged beside a challenger that has more. The others
    are given in the type of training, where that holds their values: a feature that was float64 because some values were
    missing is so again in a month that lacks none. Whole numbers that were never missing in training, and are now, are floats
    with NaN: the model is asked what it makes of them. Categories that it does not know are missing. Of several classes there
    is a column for each, in the order of ``answered_classes``. The rows that ``problem.predict`` gets are a copy with a default
    index.

    Args:
        name: how errors call the model.
    Raises:
        FeatureMismatch: if a column it was trained on is missing, or its type of training does not hold the values.
        InvalidPrediction: if the answer is not made of numbers, says of other rows than these, or nothing says which classes
            its columns belong to.
    """
    kinds = by_value.other_kinds(features, model.categories or {})
    asked = None if kinds else _as_trained(model.features, features)
    if asked is None:
        raise FeatureMismatch(_difference(name, model.features, features, kinds))
    rows = own(model.cast(asked)).reset_index(drop=True)
    answer = _answer(problem.predict(model.estimator, rows), len(features), name, "predict")
    if answer.dtype.kind not in NUMBERS:
        raise InvalidPrediction(
            f"{name} answers with values of type {answer.dtype}, which are no numbers. Let the problem's predict return an "
            "array of numbers, shape (n,) or (n, classes)."
        )
    if problem.task != "multiclass":
        return answer
    return for_every_class(answer, model.classes or _recorded(model, answer), problem.classes, name=name)


def answered_classes(problem: Problem, model: TrainedModel) -> Classes:
    """The class of each column of ``predict``'s answer; empty if it has no such columns, or nobody recorded them.

    Those that the problem names; without ``Problem.classes`` 0 … the highest that the model's train rows have.
    """
    return every_class(problem.classes, model.classes) if model.classes else ()


def baseline(problem: Problem, train: FeatureTable, test: FeatureTable) -> np.ndarray:
    """What the problem's baseline says of the rows of ``test``; of several classes with columns as a model of ``train`` has.

    It gets copies of both.

    Raises:
        InvalidPrediction: if it says of other rows than these, or nothing says which classes its columns belong to.
    """
    returned = problem.baseline(_shown(train, {}), _shown(test, {}))
    answer, seen = _answer(returned, len(test), "the baseline", "baseline"), _classes(problem, train)
    return for_every_class(answer, seen, problem.classes, name="The baseline", source="baseline") if seen else answer


def _classes(problem: Problem, train: FeatureTable) -> Classes | None:
    if problem.task != "multiclass":
        return None
    seen = classes_in(train.label)
    if others := sorted(set(seen) - set(every_class(problem.classes, seen))):
        raise InvalidProblem(
            f"Problem {problem.name!r}: train rows have the classes {in_words(others)}, which its classes do not name: "
            f"{in_words(every_class(problem.classes, seen))}. Add them, or materialize the datasets without these labels."
        )
    return seen


def _recorded(model: TrainedModel, answer: np.ndarray) -> Classes:
    """The classes of a model from before they were recorded here: those that scikit-learn did, where they fit its answer."""
    import numpy as np

    found: Any = getattr(model.estimator, "classes_", None)
    fits = isinstance(found, np.ndarray) and found.dtype.kind in NUMBERS and answer.shape[1:] == found.shape
    return classes_in(found.astype(float)) if fits else ()


def _shown(rows: FeatureTable, known: Mapping[str, Any]) -> FeatureTable:
    """The rows with the categories that a model knows, for one who may do to them what he likes: read for him, or copied."""
    if isinstance(rows, StoredRows):
        return StoredRows.of(replace(rows.chosen, known=known))
    return own_rows(replace(rows, features=by_value.cast(rows.features, known)))


def _learnt(rows: FeatureTable) -> dict[str, Any]:
    return rows.chosen.learnt() if isinstance(rows, StoredRows) else by_value.learnt(rows.features)


def _types(rows: FeatureTable) -> pd.DataFrame:
    return rows.chosen.features if isinstance(rows, StoredRows) else rows.features


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


def _difference(
    name: str, trained: dict[str, str], features: pd.DataFrame, kinds: Mapping[str, tuple[str, str]]
) -> str:
    given = _columns(features)
    lacks = [repr(column) for column in trained if column not in given]
    other = [
        f"{c!r} as {given[c]} (trained on {t})"
        for c, t in trained.items()
        if c in given and given[c] != t and _in_type(features[c], t) is None
    ]
    other += [f"{c!r} as category of {now} (trained on category of {was})" for c, (was, now) in kinds.items()]
    parts = [f"lacks {', '.join(lacks)}"] * bool(lacks) + [f"has {', '.join(other)}"] * bool(other)
    return (
        f"{name} was trained on {len(trained)} features; this input {' and '.join(parts)}. "
        "Missing features are never filled in; fix the problem's features()."
    )
