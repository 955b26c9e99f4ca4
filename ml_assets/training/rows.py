"""From datasets to feature tables: one way to build them, for training and for prediction alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ml_assets.errors import FeatureMismatch, InvalidProblem
from ml_assets.problem import FeatureTable, Problem
from ml_assets.training.union import joined
from ml_assets.values import as_numpy

if TYPE_CHECKING:
    import pandas as pd


def feature_table(problem: Problem, history: Sequence[pd.DataFrame], data: pd.DataFrame) -> FeatureTable:
    """The rows of ``data`` with their features and labels.

    Args:
        history: datasets of the ``problem.lookback`` partitions before it, oldest first; fewer where there are none.
        data: the partition's dataset.
    Raises:
        InvalidProblem: if ``problem.features`` returns another number of rows, or lists or dicts as features.
    """
    import numpy as np

    before = {f"the dataset {len(history) - n} before": past for n, past in enumerate(history)}
    past = joined(before, "column") if before else data.iloc[:0]
    features = problem.features(past, data)
    if len(features) != len(data):
        raise InvalidProblem(
            f"Problem {problem.name!r}: features() returned {len(features)} rows for {len(data)} rows of data. "
            "Return one row per row of data, in the same order."
        )
    _refuse_nested(problem.name, features)
    names = dict.fromkeys([problem.entity, problem.event_time, problem.label_time, *problem.slices])
    keys = data[[name for name in names if name is not None and name in data.columns]].reset_index(drop=True)
    label = data[problem.label].to_numpy(dtype=np.float64, na_value=np.nan)
    return FeatureTable(keys, features.reset_index(drop=True), label)


def _refuse_nested(problem: str, features: pd.DataFrame) -> None:
    """No estimator learns from lists or dicts, and nothing can count, compare or shuffle their values."""
    for name, column in features.items():
        held = next(filter(_is_nested, column), None) if column.dtype == object else None
        if held is not None:
            raise InvalidProblem(
                f"Problem {problem!r}: features() returned {str(name)!r}, whose values are of type {type(held).__name__}: a "
                "feature is one number, truth, time, text or category per row. Return a column for each item or field that "
                f"the model needs, or a number made of them, and leave {str(name)!r} out."
            )


def _is_nested(value: object) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str | bytes)


def concatenate(tables: Mapping[str, FeatureTable]) -> FeatureTable:
    """The rows of all partitions' tables, in order, their features as estimators take them (``values.as_numpy``).

    Args:
        tables: partition key -> its table, oldest first.
    Raises:
        FeatureMismatch: if a partition has other columns than the newest (nothing is ever filled in), or a column of which no
            type holds all values.
    """
    import numpy as np

    newest, columns = list(tables.items())[-1][0], {*list(tables.values())[-1].features}
    for partition, table in tables.items():
        other = sorted(map(str, columns ^ {*table.features}))
        if other:
            raise FeatureMismatch(
                f"The features of {partition} and of {newest} differ in {', '.join(map(repr, other))}: "
                "the problem's features() changed between them. Missing features are never filled in; "
                f"materialize the features of {partition} again."
            )
    features = joined({partition: table.features for partition, table in tables.items()}, "feature", strict=True)
    return FeatureTable(
        joined({partition: table.keys for partition, table in tables.items()}, "key"),
        as_numpy(features),
        np.concatenate([table.label for table in tables.values()]),
    )
