"""The batches of the sample, as they land and as they are cut for training and judging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from ml_assets.problem import FeatureTable, TrainingData
from ml_assets.problems.digits import PROBLEM
from ml_assets.training.rows import feature_table
from ml_assets.training.split import TEST, assign_roles, rows_of, training_data


@dataclass(frozen=True)
class Landed:
    """A Source whose files are DataFrames."""

    files: Mapping[str, pd.DataFrame]

    def parquet(self, name: str) -> pd.DataFrame:
        return self.files[name]


def load(batch: str):
    return PROBLEM.dataset(PROBLEM.partitions.partition(batch), Landed(PROBLEM.sample_files(batch)))


@lru_cache(maxsize=6)
def cut(batch: str) -> tuple[TrainingData, FeatureTable]:
    table = feature_table(PROBLEM, [], load(batch))
    roles = assign_roles(PROBLEM, table, {batch: len(table)})
    return training_data(table, roles), rows_of(table, roles, TEST)
