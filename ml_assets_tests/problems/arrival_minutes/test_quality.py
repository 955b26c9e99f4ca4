"""How good the shipped problem is, measured as its assets measure it. The numbers of README are this test's output."""

from __future__ import annotations

import os
from functools import lru_cache

import numpy as np
import pytest

from ml_assets.evaluation.judge import Evaluation, judge
from ml_assets.problem import FeatureTable
from ml_assets.problems.arrival_minutes import PROBLEM
from ml_assets.training.rows import feature_table
from ml_assets.training.run import Run
from ml_assets.training.split import TEST, assign_roles, rows_of, training_data
from ml_assets_tests.doubles.windows import window as window_of
from ml_assets_tests.problems.arrival_minutes.landing import month_of_arrivals

JUDGED = PROBLEM.partitions.time.keys() if "WHOLE_YEAR" in os.environ else ["2013-06"]


@pytest.mark.slow
@pytest.mark.parametrize("origin", PROBLEM.partitions.values)
def test_every_origin_beats_its_baseline_in_nearly_every_month_and_is_never_much_worse(origin, capsys):
    """Each month's model on its newest seven days; of the whole year with WHOLE_YEAR=1."""
    gains = []
    for month in JUDGED:
        key = PROBLEM.partitions.key(month, origin)
        found = judged(key)
        gains.append(1 - found.model["pinball_loss"].value / found.baseline["pinball_loss"].value)
        with capsys.disabled():
            print(row(key, found))
    with capsys.disabled():
        print(f"{origin}: pinball loss {np.mean(gains):.1%} less in the mean, {min(gains):.1%} in the worst month")
    assert sum(gain > 0 for gain in gains) >= len(gains) - len(gains) // 12, "one month of the year may be worse"
    assert np.mean(gains) > 0.05


@lru_cache(maxsize=PROBLEM.window)
def features_of(key: str) -> FeatureTable:
    before = PROBLEM.partitions.previous(key)
    history = [month_of_arrivals(*PROBLEM.partitions.parts(before))] if before else []
    return feature_table(PROBLEM, history, month_of_arrivals(*PROBLEM.partitions.parts(key)))


def judged(key: str) -> Evaluation:
    window = {at: features_of(at) for at in PROBLEM.partitions.window(key, PROBLEM.window)}
    table = window_of(window)
    roles = assign_roles(PROBLEM, table, {at: len(of) for at, of in window.items()})
    data, test = training_data(table, roles), rows_of(table, roles, TEST)
    model = PROBLEM.train(data, PROBLEM.params, Run(PROBLEM.seed, lambda line: None))
    prediction = PROBLEM.predict(model, test.features)
    return judge(PROBLEM, test, prediction=prediction, baseline=PROBLEM.baseline(data.train, test), resamples=20)


def row(key: str, found: Evaluation) -> str:
    names = [metric.name for metric in PROBLEM.metrics]
    cells = [f"{who[name].value:.3f}" for name in names for who in (found.model, found.baseline)]
    return f"| {key} | {found.rows:,} | " + " | ".join(cells) + " |"
