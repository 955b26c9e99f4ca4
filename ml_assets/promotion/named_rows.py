"""Rows that somebody named, looked up in the features of their partitions as these are today, and what a model says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ml_assets.errors import FeatureMismatch, InvalidPrediction, InvalidProblem
from ml_assets.evaluation.answered import answered
from ml_assets.evaluation.failures import ENTITY, ERROR, EVENT_TIME, FAILURE, MODEL, PARTITION, ROWS, problem_keys
from ml_assets.evaluation.scored_rows import scored_rows
from ml_assets.problem import FeatureTable, NoRegression, Problem
from ml_assets.store import Handle
from ml_assets.training.model import TrainedModel, answered_classes, predict
from ml_assets.training.window import Window

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Told:
    """What became of named rows: names.

    Attributes:
        unasked: those that the model cannot answer for -> why.
    """

    judged: frozenset[str] = frozenset()
    right: frozenset[str] = frozenset()
    surely_wrong: frozenset[str] = frozenset()
    unasked: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NamedRows:
    """Rows that were looked up in the features of their partitions, those with an outcome.

    Attributes:
        tables: for each partition the names of the rows, and the rows.
        told: name -> what is told of it.
        lacking: names of rows that are not there, or have no outcome.
    """

    tables: Mapping[str, tuple[list[str], FeatureTable]]
    told: Mapping[str, Mapping[str, Any]]
    lacking: Sequence[str] = ()

    def asked(self, problem: Problem, asked: NoRegression, model: TrainedModel) -> Told:
        """What a model says of them."""
        judged, right, wrong, unasked = set[str](), set[str](), set[str](), dict[str, str]()
        for key, (names, table) in self.tables.items():
            try:
                scored = _scored(problem, model, table)
            except (FeatureMismatch, InvalidPrediction) as unfit:
                unasked |= dict.fromkeys(names, f"features of {key}: {unfit}")
                continue
            found = answered(scored, problem.task, asked)
            judged |= {*names}
            right |= {*_at(names, found.right)}
            wrong |= {*_at(names, found.surely_wrong)}
        return Told(frozenset(judged), frozenset(right), frozenset(wrong), unasked)


def _at(names: Sequence[str], mask: np.ndarray) -> Iterable[str]:
    return (name for name, is_so in zip(names, mask, strict=True) if is_so)


def _scored(problem: Problem, model: TrainedModel, table: FeatureTable) -> pd.DataFrame:
    answers = predict(problem, model, table.features)
    return scored_rows(problem, table, answers, classes=answered_classes(problem, model))


def looked_up(problem: Problem, rows: Mapping[str, pd.DataFrame], features: Mapping[str, Handle]) -> NamedRows:
    """Named rows with the features that they have today."""
    tables, told, lacking = dict[str, tuple[list[str], FeatureTable]](), dict[str, Mapping[str, Any]](), list[str]()
    for key, named in rows.items():
        names, table = _in(problem, named, features[key]) if key in features else ([], None)
        lacking += sorted({*named[FAILURE]} - {*names})
        if table is not None and names:
            tables[key] = names, table
            told |= _told(named[named[FAILURE].isin(names)], names, table)
    largest_first = sorted(told, key=lambda name: (-told[name].get(ROWS, 1), name))
    return NamedRows(tables, {name: told[name] for name in largest_first}, lacking)


def _in(problem: Problem, named: pd.DataFrame, features: Handle) -> tuple[list[str], FeatureTable]:
    """The rows of a table that are named and have an outcome, with their names, in the table's order."""
    import numpy as np

    table = Window({str(features.key.partition): features.opened()}).every_row()
    keys = problem_keys(problem)
    there = table.keys[list(keys.values())].set_axis(list(keys), axis=1)
    wanted = _in_types_of(named[[FAILURE, *keys]], there, features)
    found = there.reset_index(names="at").merge(wanted, on=list(keys)).sort_values("at", kind="stable")
    found = found[~np.isnan(table.label[found["at"].to_numpy()])]
    return [*found[FAILURE]], table.rows(found["at"].to_numpy())


def _in_types_of(named: pd.DataFrame, there: pd.DataFrame, features: Handle) -> pd.DataFrame:
    try:
        return named.astype(dict(there.dtypes))
    except (ValueError, TypeError) as error:
        raise InvalidProblem(
            f"The rows that are named in {features.key} are not named as they are there ({', '.join(map(str, there.dtypes))}): "
            f"{error}. Write entities and event times as the data has them."
        ) from error


def _told(named: pd.DataFrame, names: Sequence[str], table: FeatureTable) -> dict[str, dict[str, Any]]:
    label = dict(zip(names, table.label.tolist(), strict=True))
    columns = [name for name in (FAILURE, PARTITION, ENTITY, EVENT_TIME, ROWS, ERROR, MODEL) if name in named]
    records = named[columns].to_dict(orient="records")
    return {row[FAILURE]: {**told_of(row), "label": label[row[FAILURE]]} for row in records}


def told_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The columns of a row as plain JSON."""
    return {str(name): _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value if isinstance(value, str | int | float) else str(value)
