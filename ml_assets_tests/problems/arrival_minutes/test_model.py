from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from ml_assets.evaluation.metrics import value
from ml_assets.evaluation.percentiles import PERCENTILES, PINBALL_LOSS
from ml_assets.problem import FeatureTable
from ml_assets.problems.arrival_minutes import PROBLEM
from ml_assets.problems.arrival_minutes.model import ArrivalModel, NetworkParams, pinball_loss
from ml_assets.problems.arrival_minutes.network import arrival_network, observe
from ml_assets.store import open_store, trust
from ml_assets.training.run import Run
from ml_assets_tests.problems.arrival_minutes.landing import few_tables

SMALL = NetworkParams(hidden=16, epochs=4, batch_rows=64)


def _run(seed: int = 0) -> Run:
    return Run(seed, lambda line: None)


@pytest.fixture(scope="module")
def trained() -> ArrivalModel:
    return PROBLEM.train(few_tables()[0], SMALL, _run())


def test_an_answer_is_a_value_inside_its_interval_in_minutes(trained):
    test = few_tables()[1]

    value, lower, upper = PROBLEM.predict(trained, test.features).T

    assert len(value) == len(test)
    assert ((lower <= value) & (value <= upper)).all()
    assert 0.1 < ((lower <= test.label) & (test.label <= upper)).mean() < 1


def test_a_row_s_answer_does_not_depend_on_the_rows_beside_it(trained):
    features = few_tables()[1].features
    whole = PROBLEM.predict(trained, features)

    for rows in (slice(0, 1), slice(5, 12), slice(None, None, -1)):
        np.testing.assert_array_equal(PROBLEM.predict(trained, features.iloc[rows]), whole[rows])


def test_a_stored_model_answers_bit_for_bit_as_the_trained_one(trained, tmp_path):
    trust(ArrivalModel)
    store = open_store(str(tmp_path))
    features = few_tables()[1].features

    loaded = store.get(store.put(trained))

    assert isinstance(loaded, ArrivalModel)
    np.testing.assert_array_equal(PROBLEM.predict(loaded, features), PROBLEM.predict(trained, features))


def test_one_seed_gives_one_model_and_another_seed_another(trained):
    features = few_tables()[1].features
    again, other = (PROBLEM.train(few_tables()[0], SMALL, _run(seed)) for seed in (0, 1))
    answers = [PROBLEM.predict(model, features) for model in (trained, again, other)]

    np.testing.assert_array_equal(answers[0], answers[1])
    assert (answers[0] != answers[2]).any()


def test_what_training_never_saw_and_what_is_missing_is_answered(trained):
    features = few_tables()[1].features.assign(carrier="XX", dest="XXX", hour=3.0, temp=np.nan, distance=1e9)

    assert np.isfinite(PROBLEM.predict(trained, features)).all()
    assert PROBLEM.predict(trained, features.iloc[:0]).shape == (0, 3)


def test_the_loss_of_the_training_is_the_metric_that_decides(trained):
    test = few_tables()[1]
    said = torch.tensor(PROBLEM.predict(trained, test.features), dtype=torch.float32)
    minutes = torch.tensor(test.label, dtype=torch.float32)

    each = pinball_loss(lambda numbers, codes: said, {"minutes": minutes, "numbers": said, "codes": said})

    assert each.shape == (len(test),)
    assert float(each.mean()) == pytest.approx(value(PINBALL_LOSS, test.label, said.numpy()), rel=1e-5)


def test_numbers_are_scaled_by_those_that_are_known():
    network = arrival_network(3, [2], hidden=4, embedding=2)
    observe(network, torch.tensor([[1.0, 5.0, np.nan], [3.0, 5.0, np.nan], [np.nan, 5.0, np.nan]]))

    assert network.get_buffer("center").tolist() == [2, 5, 0]
    assert network.get_buffer("scale").tolist() == [1, 1, 1]


def test_the_baseline_takes_percentiles_of_hour_and_carrier_then_of_the_hour_then_of_all():
    rng = np.random.default_rng(0)
    groups = {("AA", 8.0): 40, ("BB", 8.0): 5, ("AA", 9.0): 6}
    rows = [(carrier, hour, minutes) for (carrier, hour), n in groups.items() for minutes in rng.normal(hour, 5, n)]
    train, test = _table(rows), _table([("BB", 8.0, 0), ("AA", 8.0, 0), ("AA", 9.0, 0), ("CC", 3.0, 0)])
    minutes, features = train.label, train.features

    said = PROBLEM.baseline(train, test)

    of = [features["hour"] == 8, (features["hour"] == 8) & (features["carrier"] == "AA"), features["hour"] > 0]
    expected = [np.quantile(minutes[of[at]], PERCENTILES) for at in (0, 1, 2, 2)]
    np.testing.assert_allclose(said, expected)


def _table(rows):
    frame = pd.DataFrame(rows, columns=["carrier", "hour", "minutes"])
    return FeatureTable(pd.DataFrame(index=frame.index), frame[["carrier", "hour"]], frame["minutes"].to_numpy(float))
