"""Rows that a model can be judged on fairly: those of a test that it was neither fitted on nor chosen by, scored by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.assets import noun_that
from ml_assets.evaluation.scored_rows import scored_rows
from ml_assets.problem import FeatureTable, Problem
from ml_assets.store import Handle
from ml_assets.training.model import answered_classes, predict
from ml_assets.training.split import TEST, TRAIN, VALIDATION, roles_alone, rows_of
from ml_assets.training.window import Window

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def window_of(split: Handle) -> tuple[FeatureTable, pd.DataFrame]:
    """The rows that a split divided, from exactly the feature versions it was made from, and the role of each.

    Of both only what is asked for is read: ``rows_of`` these, and of them a field, or batches.
    """
    window = Window({str(handle.key.partition): handle.opened() for handle in split.inputs(noun_that("derives"))})
    return window.every_row(), roles_alone(split.opened().batches(columns=["role"]))


def judging_rows(split: Handle) -> FeatureTable:
    """The rows that judge the model of a split."""
    return rows_of(*window_of(split), TEST)


def is_seen(problem: Problem, roles: pd.DataFrame, rows: FeatureTable) -> np.ndarray:
    """Which of ``rows``, shape (n,), a model was fitted on or chosen by, given the roles of the split that it was made from."""
    return _is_among(problem, rows, roles[roles["role"].isin([TRAIN, VALIDATION])])


def is_also_in(problem: Problem, rows: FeatureTable, others: FeatureTable) -> np.ndarray:
    """Which of ``rows``, shape (n,), are among the others, too."""
    return _is_among(problem, rows, _named_as_in_splits(problem, others))


def _is_among(problem: Problem, rows: FeatureTable, others: pd.DataFrame) -> np.ndarray:
    """A row is told by its entity, and by its event time where the problem has one."""
    asked = _named_as_in_splits(problem, rows)
    keys = list(asked)
    known = others[keys].drop_duplicates()
    found: np.ndarray = (asked.merge(known, on=keys, how="left", indicator=True)["_merge"] == "both").to_numpy()
    return found


def _named_as_in_splits(problem: Problem, rows: FeatureTable) -> pd.DataFrame:
    """What tells rows apart, under the names that splits have for it; a slice may be called so, too, and is left out."""
    names = {"entity": problem.entity, "event_time": problem.event_time}
    known = {name: column for name, column in names.items() if column is not None}
    return rows.keys[list(known.values())].set_axis(list(known), axis=1)


def scored_by(problem: Problem, model: Handle, rows: FeatureTable) -> pd.DataFrame:
    """The labelled ones of ``rows`` with what the model says of each, see ``scored_rows``.

    Raises:
        FeatureMismatch, InvalidPrediction: if it cannot answer for them.
    """
    trained = model.load()
    answers = predict(problem, trained, rows.features, name=f"{model.name} {model.key}")
    return scored_rows(problem, rows, answers, classes=answered_classes(problem, trained))
