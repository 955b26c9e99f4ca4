"""From datasets to feature tables: one way to build them, for training and for prediction alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ml_assets.categories import united
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

    told = (
        united({f"the dataset {len(history) - n} before it": past for n, past in enumerate(history)}) if history else []
    )
    past = pd.concat(told, ignore_index=True) if told else data.iloc[:0]
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


def concatenate(tables: Mapping[str, FeatureTable]) -> FeatureTable:
    """The rows of all partitions' tables, in order.

    Args:
        tables: partition key -> its table, oldest first.
    Raises:
        FeatureMismatch: if a partition has other columns or types than the newest: nothing is ever filled in; or categories
            that cannot be united with those of others.
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
        pd.concat(united({partition: table.keys for partition, table in tables.items()}), ignore_index=True),
        pd.concat(united({partition: table.features for partition, table in tables.items()}), ignore_index=True),
        np.concatenate([table.label for table in tables.values()]),
    )


def _columns(table: FeatureTable) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in table.features.dtypes.items()}
