"""Boosters on the rows of flight_delays' model of 2013-06: what each is worth and costs. Real flights, same rows, one thread.

    python -m benchmarks.boosters

All get the same number of leaves, learning rate, least rows of a leaf, and stop where the validation rows no longer gain.
Seconds are the least of ROUNDS trainings, as a ratio to scikit-learn's; sizes are what the store keeps.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before any of them is loaded

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ml_assets.evaluation.intervals import intervals
from ml_assets.evaluation.metrics import AVERAGE_PRECISION, Answers, value
from ml_assets.store import open_store

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ml_assets.problem import FeatureTable, TrainingData

MONTH, ROUNDS = "2013-06", 3
MOST, LEAVES, RATE, LEAST, PATIENCE, L2 = 150, 15, 0.08, 200, 15, 5.0
ROW = "| {:22} | {:>5} | {:>7} | {:>17} | {:>7} | {:>8} |"
Train = Callable[["pd.DataFrame", "np.ndarray", "pd.DataFrame", "np.ndarray"], Any]


@dataclass(frozen=True)
class Judged:
    """One library: its trees, answers (n,) for the test rows, seconds of its quickest training, bytes in the store."""

    name: str
    trees: int
    answers: np.ndarray
    seconds: float
    size: int


def main() -> None:
    data, test = rows()
    judged = [judge(name, train, data, test) for name, train in LIBRARIES.items()]
    spans = intervals([AVERAGE_PRECISION], {one.name: Answers(test.label, one.answers) for one in judged})
    print(f"{len(data.train):,} rows train, {len(data.validation):,} stop, {len(test):,} judge")
    print(ROW.format("", "trees", "AP", "95 %", "seconds", "KiB"))
    for one in judged:
        span = spans[one.name][AVERAGE_PRECISION.name]
        point = value(AVERAGE_PRECISION, test.label, one.answers)
        ratio, kib = one.seconds / judged[0].seconds, one.size / 1024
        print(
            ROW.format(
                one.name, one.trees, f"{point:.4f}", f"{span.low:.4f} to {span.high:.4f}", f"{ratio:.2f}", f"{kib:.0f}"
            )
        )


def rows() -> tuple[TrainingData, FeatureTable]:
    """The window of the month, as the problem splits it."""
    from ml_assets.problems.flight_delays import PROBLEM
    from ml_assets.problems.flight_delays.model import CATEGORIES
    from ml_assets.training.rows import feature_table
    from ml_assets.training.split import TEST, assign_roles, rows_of, training_data
    from ml_assets_tests.doubles.windows import window
    from ml_assets_tests.problems.flights.landing import month_of_flights

    months = PROBLEM.partitions.window(MONTH, PROBLEM.window)
    tables = {month: feature_table(PROBLEM, [], month_of_flights(month)) for month in months}
    table = window(tables)
    text = dict.fromkeys(CATEGORIES, "category")  # of which each library makes what it likes
    table = replace(table, features=table.features.astype(text))
    roles = assign_roles(PROBLEM, table, {month: len(of) for month, of in tables.items()})
    return training_data(table, roles), rows_of(table, roles, TEST)


def judge(name: str, train: Train, data: TrainingData, test: FeatureTable) -> Judged:
    given = (
        data.train.features,
        data.train.label.astype(int),
        data.validation.features,
        data.validation.label.astype(int),
    )
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        model = train(*given)
        took.append(time.perf_counter() - began)
    store = open_store("memory://boosters")
    content = store.put(model)
    answers = store.get(content).predict_proba(test.features)[:, 1]
    return Judged(name, trees(model), answers, min(took), sum(file.size for file in content.files))


def trees(model: Any) -> int:
    """How many trees answer."""
    if hasattr(model, "best_iteration"):
        return int(model.best_iteration) + 1
    names = ("n_iter_", "best_iteration_", "tree_count_")
    return int(next(getattr(model, name) for name in names if hasattr(model, name)))


def sklearn(x: pd.DataFrame, y: np.ndarray, x_val: pd.DataFrame, y_val: np.ndarray) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        learning_rate=RATE, max_iter=MOST, max_leaf_nodes=LEAVES, min_samples_leaf=LEAST, l2_regularization=L2,
        early_stopping=True, n_iter_no_change=PATIENCE, random_state=0,
    )  # fmt: skip
    return model.fit(x, y, X_val=x_val, y_val=y_val)


def xgboost(x: pd.DataFrame, y: np.ndarray, x_val: pd.DataFrame, y_val: np.ndarray) -> Any:
    from xgboost import XGBClassifier

    model = XGBClassifier(
        learning_rate=RATE, n_estimators=MOST, max_leaves=LEAVES, grow_policy="lossguide", max_depth=0, reg_lambda=L2,
        min_child_weight=LEAST / 8, early_stopping_rounds=PATIENCE, eval_metric="logloss", enable_categorical=True, n_jobs=1,
    )  # fmt: skip  # a leaf of that many rows has about this much weight: p (1 - p) each
    return model.fit(x, y, eval_set=[(x_val, y_val)], verbose=False)


def lightgbm(x: pd.DataFrame, y: np.ndarray, x_val: pd.DataFrame, y_val: np.ndarray) -> Any:
    from lightgbm import LGBMClassifier, early_stopping

    model = LGBMClassifier(
        learning_rate=RATE,
        n_estimators=MOST,
        num_leaves=LEAVES,
        min_child_samples=LEAST,
        reg_lambda=L2,
        n_jobs=1,
        verbose=-1,
    )
    return model.fit(x, y, eval_X=(x_val,), eval_y=(y_val,), callbacks=[early_stopping(PATIENCE, verbose=False)])


def catboost(x: pd.DataFrame, y: np.ndarray, x_val: pd.DataFrame, y_val: np.ndarray) -> Any:
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(
        learning_rate=RATE, iterations=MOST, max_leaves=LEAVES, grow_policy="Lossguide", min_data_in_leaf=LEAST, l2_leaf_reg=L2,
        early_stopping_rounds=PATIENCE, cat_features=list(x.select_dtypes("category")), thread_count=1, random_seed=0,
        allow_writing_files=False, verbose=0,
    )  # fmt: skip
    return model.fit(x, y, eval_set=[(x_val, y_val)])


LIBRARIES: dict[str, Train] = {
    "scikit-learn HistGB": sklearn,
    "XGBoost": xgboost,
    "LightGBM": lightgbm,
    "CatBoost": catboost,
}

if __name__ == "__main__":
    main()
