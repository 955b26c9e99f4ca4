"""The candidates of flight_boosters on the rows of 2013-06: what each library is worth and costs. Real flights, one thread.

    python -m benchmarks.boosters

Seconds are the least of ROUNDS trainings, as a ratio to scikit-learn's; sizes are what the store keeps.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before any of them is loaded

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.artifacts import trust_all
from ml_assets.evaluation.intervals import intervals
from ml_assets.evaluation.metrics import AVERAGE_PRECISION, Answers, value
from ml_assets.problem import Variant
from ml_assets.problems.flight_delays.variants.flight_boosters import PROBLEM
from ml_assets.store import open_store
from ml_assets.training.model import fit, predict
from ml_assets.training.run import Run

if TYPE_CHECKING:
    import numpy as np

    from ml_assets.problem import FeatureTable, TrainingData

MONTH, ROUNDS = "2013-06", 3
ROW = "| {:10} | {:>5} | {:>7} | {:>17} | {:>7} | {:>8} |"


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
    trust_all([PROBLEM])
    judged = [judge(name, variant, data, test) for name, variant in PROBLEM.variants.items()]
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
    from ml_assets.training.rows import feature_table
    from ml_assets.training.split import TEST, assign_roles, rows_of, training_data
    from ml_assets_tests.doubles.windows import window
    from ml_assets_tests.problems.flights.landing import month_of_flights

    months = PROBLEM.partitions.window(MONTH, PROBLEM.window)
    tables = {month: feature_table(PROBLEM, [], month_of_flights(month)) for month in months}
    table = window(tables)
    roles = assign_roles(PROBLEM, table, {month: len(of) for month, of in tables.items()})
    return training_data(table, roles), rows_of(table, roles, TEST)


def judge(name: str, variant: Variant, data: TrainingData, test: FeatureTable) -> Judged:
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        model = fit(variant, data, variant.params, Run(variant.seed, lambda said: None))
        took.append(time.perf_counter() - began)
    store = open_store("memory://boosters")
    content = store.put(model)
    answers = predict(variant, store.get(content), test.features)
    return Judged(name, trees(model.estimator[-1]), answers, min(took), sum(file.size for file in content.files))


def trees(model: Any) -> int:
    """How many trees answer."""
    if hasattr(model, "best_iteration"):
        return int(model.best_iteration) + 1
    names = ("n_iter_", "best_iteration_", "tree_count_")
    return int(next(getattr(model, name) for name in names if hasattr(model, name)))


if __name__ == "__main__":
    main()
