"""A model in memory, ready to answer: its columns, its classes, and a row that it is known to answer for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ml_assets.classes import Classes
from ml_assets.errors import NotAnswered
from ml_assets.evaluation.scored_rows import columns_of, refuse_unusable
from ml_assets.problem import Problem
from ml_assets.serving.columns import Column, Unknown, read_columns
from ml_assets.store import VersionKey
from ml_assets.training.model import TrainedModel, Unseen, answered_classes, predict

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

CODE_FAILS = (Exception,)
"""What somebody's code raises for rows that it does not expect: anything. It is never swallowed: who asks or serves is told."""


@dataclass(frozen=True)
class Answer:
    """What a model says of rows.

    Attributes:
        values: shape (n,), (n, 3) with intervals, or of several classes (n, classes).
        classes: of several classes, that of each column.
        key: the version that gave it.
        unseen: categorical feature -> in how many rows the model did not know its value, which it took as missing.
    """

    values: np.ndarray
    classes: Classes
    key: VersionKey
    unseen: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, without loss: a prediction of each row, the interval or the classes where there are some."""
        has_interval = self.values.ndim == 2 and not self.classes
        points = self.values[:, 0] if has_interval else self.values
        return {
            "prediction": points.tolist(),
            **({"interval": self.values[:, 1:].tolist()} if has_interval else {}),
            **({"classes": list(self.classes)} if self.classes else {}),
            **({"unseen_categories": dict(self.unseen)} if self.unseen else {}),
            "model": f"{self.key.asset}@{self.key.partition}" if self.key.partition else self.key.asset,
            "model_version": self.key.version,
        }


def named_columns(values: np.ndarray, classes: Classes) -> pd.DataFrame:
    """Answers under the names that batch predictions have: ``prediction`` with its bounds, or one column of each class."""
    import pandas as pd

    names = [f"prediction_{label}" for label in classes] or ["prediction", "prediction_lower", "prediction_upper"]
    columns = values.reshape(len(values), -1)
    return pd.DataFrame({name: columns[:, at] for at, name in enumerate(names[: columns.shape[1]])})


@dataclass(frozen=True)
class Loaded:
    """A model that was tried, and answers.

    Attributes:
        probe: one row of features that it answers for; no rows if it never judged any.
        proof: how it was tried, in words.
        keys: the problem's entity and event time, as its rows have them: a request may send them along.
    """

    problem: Problem
    key: VersionKey
    model: TrainedModel
    probe: pd.DataFrame
    proof: str
    keys: tuple[Column, ...] = ()

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """What it reads, in the order of training."""
        known = self.model.categories or {}
        return tuple(Column(name, dtype, known.get(name)) for name, dtype in self.model.features.items())

    @cached_property
    def classes(self) -> Classes:
        """Of several classes those that it answers, as far as it is recorded."""
        return answered_classes(self.problem, self.model)

    def features_of(self, given: Mapping[str, Any], unknown: Unknown = "refuse") -> pd.DataFrame:
        """Its features, from values as they came. Raises NotAnswered, see ``read_columns``."""
        return read_columns(self.columns, given, unknown)

    def keys_of(self, given: Mapping[str, Any]) -> pd.DataFrame:
        """The entity and event time of the rows, where they came along. Raises NotAnswered if they are of another type."""
        return read_columns([column for column in self.keys if column.name in given], given)

    def answer(self, features: pd.DataFrame, *, all_known: bool = False) -> Answer:
        """What it says of rows.

        Args:
            all_known: whether it is sure to know every category: to look takes a third of the time of one row.
        Raises:
            NotAnswered: if it does not answer for these rows, and does for others.
            FeatureMismatch: if these are other features.
        """
        try:
            values = self._values(features)
        except CODE_FAILS as error:
            self._blame(features, error)
            raise
        classes = columns_of(self.problem, values, self.classes)
        unseen = {} if all_known or not self.model.categories else dict(Unseen().count(self.model, features).rows)
        return Answer(values, classes, self.key, unseen)

    def _values(self, features: pd.DataFrame) -> np.ndarray:
        values = predict(self.problem, self.model, features, name=str(self.key))
        refuse_unusable("prediction", values, len(features), self.problem.task)
        return values

    def _blame(self, features: pd.DataFrame, error: BaseException) -> None:
        """Raise NotAnswered if the rows are at fault: the model still answers for the row that it was tried on."""
        if not len(self.probe):
            return
        try:
            self._values(self.probe)
        except CODE_FAILS:
            return
        missing = features.columns[features.isna().any().to_numpy()]
        row = int(features[missing].isna().any(axis=1).to_numpy().argmax()) if len(missing) else None
        where = f" {missing[0]!r} is missing in row {row}, as it may never be in training." if len(missing) else ""
        said = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        raise NotAnswered(
            422,
            f"{self.key} does not answer for these rows ({said}).{where} It does for those that it was tried on: send values as "
            "its training has them.",
            column=str(missing[0]) if len(missing) else "",
            row=row,
        ) from error
