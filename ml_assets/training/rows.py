"""From datasets to feature tables: one way to build them, for training and for prediction alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ml_assets.errors import FeatureMismatch, InvalidProblem
from ml_assets.problem import FeatureTable, Problem

if TYPE_CHECKING:
    import pandas as pd


def feature_table(problem: Problem, history: Sequence[pd.DataFrame], data: pd.DataFrame) -> FeatureTable:
    """The rows of ``data`` with their features and labels.

    Args:
        history: datasets of the ``problem.lookback`` partitions before it, oldest first; fewer where there are none.
        data: the partition's dataset.
    Raises:
        InvalidProblem: if ``problem.features`` returns another number of rows.
    """
    import numpy as np
    import pandas as pd

    past = pd.concat(history, ignore_index=True) if history else data.iloc[:0]
    past = _newest_of(problem, past, data)
    features = problem.features(past, data)
    if len(features) != len(data):
        raise InvalidProblem(
            f"Problem {problem.name!r}: features() returned {len(features)} rows for {len(data)} rows of data. "
            "Return one row per row of data, in the same order."
        )
    names = dict.fromkeys([problem.entity, problem.event_time, problem.label_time, *problem.slices])
    keys = data[[name for name in names if name is not None and name in data.columns]].reset_index(drop=True)
    label = data[problem.label].to_numpy(dtype=np.float64, na_value=np.nan)
    return FeatureTable(keys, features.reset_index(drop=True), label)


def _newest_of(problem: Problem, past: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    """The past, of a problem with ``duplicates="newest"`` without the rows that landed again later, or land now."""
    import pandas as pd

    if problem.duplicates != "newest" or not len(past):
        return past
    row = [problem.entity, problem.event_time]
    again = pd.concat([past[row], data[row]], ignore_index=True).duplicated(keep="last").to_numpy()[: len(past)]
    return past[~(again & past[problem.event_time].notna().to_numpy())].reset_index(drop=True)


def concatenate(tables: Mapping[str, FeatureTable]) -> FeatureTable:
    """The rows of all partitions' tables, in order.

    Args:
        tables: partition key -> its table, oldest first.
    Raises:
        FeatureMismatch: if a partition has other columns or types than the newest: nothing is ever filled in.
    """
    import numpy as np
    import pandas as pd

    newest, columns = list(tables.items())[-1][0], _columns(list(tables.values())[-1])
    for partition, table in tables.items():
        other = sorted(set(_columns(table).items()) ^ set(columns.items()))
        if other:
            raise FeatureMismatch(
                f"The features of {partition} and of {newest} differ in {', '.join(dict.fromkeys(map(repr, dict(other))))}: "
                "the problem's features() changed between them. Missing features are never filled in; "
                f"materialize the features of {partition} again."
            )
    return FeatureTable(
        pd.concat([table.keys for table in tables.values()], ignore_index=True),
        pd.concat([table.features for table in tables.values()], ignore_index=True),
        np.concatenate([table.label for table in tables.values()]),
    )


def _columns(table: FeatureTable) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in table.features.dtypes.items()}
