from __future__ import annotations

import dataclasses
import os

import numpy as np
import pandas as pd
import pytest
import threadpoolctl

from ml_assets.evaluation.judge import Evaluation, judge
from ml_assets.evaluation.metrics import AUROC, value
from ml_assets.problem import FeatureTable, Problem, TrainingData
from ml_assets.problems.flight_delays import PROBLEM
from ml_assets.problems.flight_delays.model import HistGBParams
from ml_assets.training.rows import feature_table
from ml_assets.training.split import TEST, assign_roles, rows_of, training_data
from ml_assets_tests.doubles.windows import window as window_of
from ml_assets_tests.problems.flights.landing import few_days, load, month_of_flights

# The month in which the hour explains most, the worst month, or all, as README shows them.
JUDGED = PROBLEM.partitions.keys() if "WHOLE_YEAR" in os.environ else ["2013-06", "2013-09"]
FEW_TREES = HistGBParams(max_iter=12, min_samples_leaf=20)


class Log:
    """A training's surroundings that remember what was logged."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.steps: list[int] = []
        self.metrics: list[dict[str, float]] = []

    def log(self, step: int, **metrics: float) -> None:
        self.steps.append(step)
        self.metrics.append(metrics)


@pytest.fixture(scope="module")
def tables() -> tuple[TrainingData, FeatureTable]:
    table = feature_table(PROBLEM, [], load(few_days("2013-06", 23, 26), "2013-06"))
    labelled = table.rows(~np.isnan(table.label))
    n = len(labelled)
    fit, choose = np.arange(n) < 0.5 * n, (np.arange(n) >= 0.5 * n) & (np.arange(n) < 0.75 * n)
    return TrainingData(labelled.rows(fit), labelled.rows(choose)), labelled.rows(~(fit | choose))


def test_predictions_are_probabilities_that_rank_better_than_chance(tables):
    data, test = tables
    model = PROBLEM.train(data, FEW_TREES, Log())

    probability = PROBLEM.predict(model, test.features)

    assert probability.shape == (len(test),)
    assert ((probability > 0) & (probability < 1)).all()
    assert value(AUROC, test.label, probability) > 0.6


def test_one_seed_gives_one_model_and_another_seed_another(tables):
    data, test = tables
    first, again, other = (
        PROBLEM.predict(PROBLEM.train(data, FEW_TREES, Log(seed)), test.features) for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_number_of_threads_changes_no_bit_of_a_model_s_trees_and_answers(tables):
    assert not PROBLEM.threads_change_bits
    data, test = tables
    found = set()
    for threads in (1, 2, 3):
        with threadpoolctl.threadpool_limits(threads):
            model = PROBLEM.train(data, FEW_TREES, Log())
            trees = b"".join(tree.nodes.tobytes() for (tree,) in model[-1]._predictors)
            found.add((trees, PROBLEM.predict(model, test.features).tobytes()))
    assert len(found) == 1


def test_losses_are_logged_as_they_were_after_each_tenth_tree_and_the_last(tables):
    log = Log()

    PROBLEM.train(tables[0], FEW_TREES, log)

    assert log.steps == [0, 10, 12]
    assert log.metrics[-1]["train_loss"] < log.metrics[0]["train_loss"]
    assert log.metrics[-1]["validation_loss"] < log.metrics[0]["validation_loss"]


def test_training_stops_where_the_validation_rows_no_longer_gain(tables):
    data, _ = tables
    contrary = TrainingData(
        data.train, FeatureTable(data.validation.keys, data.validation.features, 1 - data.validation.label)
    )

    model = PROBLEM.train(contrary, HistGBParams(max_iter=100, n_iter_no_change=3), Log())

    assert model[-1].n_iter_ <= 10


def test_a_carrier_never_seen_in_training_is_scored(tables):
    data, test = tables
    model = PROBLEM.train(data, FEW_TREES, Log())

    probability = PROBLEM.predict(model, test.features.assign(carrier="XX", dest="XXX"))

    assert np.isfinite(probability).all()


def test_the_baseline_is_the_late_rate_of_origin_and_hour_or_of_all():
    train = _table([("JFK", 8.0, 1), ("JFK", 8.0, 0), ("JFK", 9.0, 1), ("EWR", 8.0, 1)])
    test = _table([("EWR", 8.0, 0), ("JFK", 8.0, 0), ("LGA", 8.0, 0)])

    assert PROBLEM.baseline(train, test).tolist() == [1.0, 0.5, 0.75]


def _table(rows):
    frame = pd.DataFrame(rows, columns=["origin", "hour", "late"])
    return FeatureTable(pd.DataFrame(index=frame.index), frame[["origin", "hour"]], frame["late"].to_numpy(float))


def without_aircraft(table: FeatureTable) -> FeatureTable:
    """The data names the aircraft that flew, not the one that was planned when the question was asked."""
    known = [name for name in table.features if not name.startswith(("plane_", "aircraft_"))]
    return dataclasses.replace(table, features=table.features[known])


@pytest.fixture(scope="module")
def year() -> dict[str, FeatureTable]:
    """The features of the months that are judged, and of those in their windows."""
    months = list(dict.fromkeys(m for month in JUDGED for m in PROBLEM.partitions.window(month, PROBLEM.window)))
    return {month: feature_table(PROBLEM, history_of(month), month_of_flights(month)) for month in months}


def history_of(month: str) -> list[pd.DataFrame]:
    before = PROBLEM.partitions.previous(month)
    return [month_of_flights(before)] if before else []


@pytest.mark.slow
@pytest.mark.parametrize("known", [lambda table: table, without_aircraft], ids=["all features", "without the aircraft"])
def test_every_month_beats_its_baseline_and_passes_its_gates(known, year, capsys):
    """Each month's model on its newest seven days. README's table is this test's output, with WHOLE_YEAR=1."""
    auroc = {}
    for month in JUDGED:
        judged = judged_month(PROBLEM, {m: known(year[m]) for m in PROBLEM.partitions.window(month, PROBLEM.window)})
        auroc[month] = judged.model["auroc"].value
        with capsys.disabled():
            print(row(month, judged))
        assert auroc[month] > judged.baseline["auroc"].value
        assert [gate.sentence for gate in judged.gates if not gate.passed] == []
    from_march = [found for month, found in auroc.items() if month >= "2013-03"]
    mean = float(np.mean(from_march))
    with capsys.disabled():
        print(f"mean AUROC of {len(from_march)} months from March on: {mean:.3f}")
    assert auroc["2013-06"] >= 0.70
    assert mean >= 0.62


def judged_month(problem: Problem, window: dict[str, FeatureTable]) -> Evaluation:
    table = window_of(window)
    roles = assign_roles(problem, table, {at: len(of) for at, of in window.items()})
    data, test = training_data(table, roles), rows_of(table, roles, TEST)
    prediction = PROBLEM.predict(PROBLEM.train(data, PROBLEM.params, Log()), test.features)
    return judge(PROBLEM, test, prediction=prediction, baseline=PROBLEM.baseline(data.train, test), resamples=20)


def row(month: str, judged: Evaluation) -> str:
    cells = [
        f"{who[name].value:.3f}" for name in ("auroc", "average_precision") for who in (judged.model, judged.baseline)
    ]
    return f"| {month} | {judged.rows:,} | " + " | ".join(cells) + " |"
