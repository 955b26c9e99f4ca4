"""The variant with four libraries: each trains on real flights, is stored, and answers the same when it is loaded."""

from __future__ import annotations

import numpy as np
import pytest

from ml_assets.artifacts import trust_all
from ml_assets.evaluation.metrics import AUROC, value
from ml_assets.problem import FeatureTable, TrainingData
from ml_assets.problems.flight_delays import PROBLEM as FLIGHT_DELAYS
from ml_assets.problems.flight_delays.variants.flight_boosters import PROBLEM
from ml_assets.store import open_store
from ml_assets.training.model import fit, predict
from ml_assets.training.rows import feature_table
from ml_assets.training.run import Run
from ml_assets_tests.problems.flights.landing import few_days, load


@pytest.fixture(scope="module")
def rows() -> FeatureTable:
    """Nine days of flights whose outcome is known."""
    table = feature_table(PROBLEM, [], load(few_days("2013-01", 1, 9), "2013-01"))
    return table.rows(~np.isnan(table.label))


@pytest.mark.parametrize("name", PROBLEM.variants)
def test_each_trains_and_is_the_same_once_it_was_stored(rows, name):
    trust_all([PROBLEM])
    at = np.arange(len(rows))
    data = TrainingData(rows.rows(at % 4 > 1), rows.rows(at % 4 == 0))
    test, store, variant = rows.rows(at % 4 == 1), open_store("memory://boosters"), PROBLEM.variants[name]

    models = [fit(variant, data, variant.params, Run(variant.seed, lambda said: None)) for _ in range(2)]
    first, again = (store.put(model) for model in models)

    answers = [predict(variant, model, test.features) for model in (models[0], store.get(first))]
    assert np.array_equal(*answers)
    assert first.digest == again.digest
    assert value(AUROC, test.label, answers[0]) > 0.65


def test_its_own_trees_are_those_of_flight_delays():
    assert PROBLEM.variants["histogram"].train is FLIGHT_DELAYS.train
    assert PROBLEM.variants["histogram"].params == FLIGHT_DELAYS.params
