"""What landed for a few days or a whole month, and the datasets of one origin made from it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from ml_assets.problem import FeatureTable, TrainingData
from ml_assets.problems.arrival_minutes import PROBLEM
from ml_assets.training.rows import feature_table
from ml_assets_tests.problems.flights.landing import Landed, few_days, landed
from ml_assets_tests.problems.flights.landing import load as load_of


def load(files: Landed, month: str, origin: str) -> pd.DataFrame:
    return load_of(files, f"{month}|{origin}", PROBLEM)


@lru_cache(maxsize=40)
def month_of_arrivals(month: str, origin: str) -> pd.DataFrame:
    return load(landed(month), month, origin)


@lru_cache(maxsize=1)
def few_tables() -> tuple[TrainingData, FeatureTable]:
    """Four days of JFK: train, validation and test, in order."""
    table = feature_table(PROBLEM, [], load(few_days("2013-06", 23, 26), "2013-06", "JFK"))
    labelled = table.rows(~np.isnan(table.label))
    at = np.arange(len(labelled)) / len(labelled)
    data = TrainingData(labelled.rows(at < 0.5), labelled.rows((at >= 0.5) & (at < 0.75)))
    return data, labelled.rows(at >= 0.75)
