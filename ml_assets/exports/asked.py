"""What is to be exported: a stored model, the rows that judge it, and what it answers for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ml_assets.assets import noun_that
from ml_assets.classes import Classes
from ml_assets.errors import Refused
from ml_assets.problem import Problem
from ml_assets.promotion.unseen import judging_rows
from ml_assets.store import Handle, Store, VersionKey
from ml_assets.training.model import TrainedModel, answered_classes, predict

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Asked:
    """A model and its test rows.

    Attributes:
        features: of the test rows of its split, as the model is asked about them: its columns, in its order.
    """

    problem: Problem
    key: VersionKey
    digest: str
    model: TrainedModel
    features: pd.DataFrame

    @classmethod
    def of(cls, store: Store, problem: Problem, key: VersionKey) -> Asked:
        """The model of a version.

        Raises:
            Refused: if there is nothing to compare an export on.
        """
        handle = Handle(store, key, "model")
        splits = handle.inputs(noun_that("divides"))
        rows = judging_rows(splits[0]) if splits else None
        if not rows:
            raise Refused(
                f"{key} was made from no split with test rows: nothing says whether an export answers as it does. "
                "Nothing was written. Export a model that a run made."
            )
        model = handle.load()
        return cls(problem, key, handle.digest, model, rows.features[list(model.columns)].reset_index(drop=True))

    @cached_property
    def answers(self) -> np.ndarray:
        """What the source answers for the test rows: shape (n,) or (n, columns)."""
        return self.by(self.model)

    def by(self, model: TrainedModel) -> np.ndarray:
        """What another form of the model answers for them."""
        return predict(self.problem, model, self.features, name=str(self.key))

    @cached_property
    def classes(self) -> Classes:
        """Of several classes, that of each column of the answers."""
        return answered_classes(self.problem, self.model) if self.problem.task == "multiclass" else ()
