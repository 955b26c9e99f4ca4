"""From datasets to feature tables: one way to build them, for training and for prediction alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.errors import InvalidProblem
from ml_assets.problem import FeatureTable, Problem
from ml_assets.training.handout import difference, in_order, moved, numbered, own
from ml_assets.training.union import joined

if TYPE_CHECKING:
    import pandas as pd


def feature_table(problem: Problem, history: Sequence[pd.DataFrame], data: pd.DataFrame) -> FeatureTable:
    """The rows of ``data`` with their features and labels.

    ``problem.features`` gets copies: nothing that it does to them is seen here. Its rows are matched with those of ``data``
    by their index, see ``_in_order_of_data``.

    Args:
        history: datasets of the ``problem.lookback`` partitions before it, oldest first; fewer where there are none.
        data: the partition's dataset.
    Raises:
        InvalidProblem: if ``problem.features`` returns no frame, other rows than those of ``data``, or lists or dicts as
            features; or if ``data`` has no groups, and the problem does.
    """
    import numpy as np

    _refuse_without_group(problem, data)
    data = numbered(data)
    before = {f"the dataset {len(history) - n} before": past for n, past in enumerate(history)}
    past = joined(before, "column") if before else data.iloc[:0]
    past = _newest_of(problem, past, data)
    features = _in_order_of_data(problem, problem.features(own(past), own(data)), data, len(past))
    _refuse_nested(problem.name, features)
    names = dict.fromkeys([problem.entity, problem.event_time, problem.label_time, problem.group, *problem.slices])
    keys = data[[name for name in names if name is not None and name in data.columns]].reset_index(drop=True)
    label = data[problem.label].to_numpy(dtype=np.float64, na_value=np.nan)
    return FeatureTable(keys, features.reset_index(drop=True), label)


def _refuse_without_group(problem: Problem, data: pd.DataFrame) -> None:
    if problem.group is not None and problem.group not in data:
        raise InvalidProblem(
            f"Problem {problem.name!r}: group names {problem.group!r}, which is no column of the dataset. Known: "
            f"{', '.join(map(str, data))}. Return it from the dataset function, or name another."
        )


def _in_order_of_data(problem: Problem, features: Any, data: pd.DataFrame, history_rows: int) -> pd.DataFrame:
    """What ``features()`` returned, in the order of the rows of ``data``.

    A row is known by its label in the index of ``data``, or by the one that it has in
    ``pd.concat([history, data], ignore_index=True)``. Where rows were sorted and then given a default index, no label tells;
    a column of data that came through with its values does.
    """
    import pandas as pd

    if not isinstance(features, pd.DataFrame):
        raise _no_rows_of_data(problem, f"{type(features).__name__}, no DataFrame")
    if len(features) != len(data):
        raise _no_rows_of_data(problem, f"{len(features)} rows for {len(data)} rows of data")
    after_history = pd.RangeIndex(history_rows, history_rows + len(data))
    orders = (in_order(features, index) for index in (data.index, after_history))
    ordered = next((rows for rows in orders if rows is not None), None)
    if ordered is None:
        raise _no_rows_of_data(problem, f"rows with another index than data: {difference(features.index, data.index)}")
    for name in ordered.columns.intersection(data.columns) if ordered.columns.is_unique else ():
        if moved(ordered[name], data[name]):
            raise _no_rows_of_data(
                problem,
                f"the values of {name!r} in other rows than data has them: rows were sorted or joined and then lost their "
                "index. If this feature is meant to be so, give it another name",
            )
    return ordered


def _no_rows_of_data(problem: Problem, returned: str) -> InvalidProblem:
    return InvalidProblem(
        f"Problem {problem.name!r}: features() returned {returned}. Return a DataFrame with one row per row of data and the "
        "index that data has; in which order does not matter."
    )


def _newest_of(problem: Problem, past: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    """The past, of a problem with ``duplicates="newest"`` without the rows that landed again later, or land now."""
    import pandas as pd

    if problem.duplicates != "newest" or not len(past):
        return past
    row = [problem.entity, problem.event_time]
    again = pd.concat([past[row], data[row]], ignore_index=True).duplicated(keep="last").to_numpy()[: len(past)]
    return past[~(again & past[problem.event_time].notna().to_numpy())].reset_index(drop=True)


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
