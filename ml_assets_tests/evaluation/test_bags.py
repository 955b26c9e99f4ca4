"""The bag of little bootstraps against the bootstrap of all rows."""

from __future__ import annotations

import numpy as np
import pytest

from ml_assets.evaluation import bags
from ml_assets.evaluation.bags import bag_draws
from ml_assets.evaluation.intervals import interval, resampled
from ml_assets.evaluation.metrics import AUROC, AVERAGE_PRECISION, BRIER, MAE, RMSE, Answers, value_of
from ml_assets.problem import Metric

ROWS = 8_000


def median_error(label: np.ndarray, prediction: np.ndarray, weights: np.ndarray) -> np.ndarray:
    error = abs(label - prediction)
    order = np.argsort(error)
    reached = np.cumsum(weights[:, order], axis=1) * 2 >= weights.sum(axis=1, keepdims=True)
    return error[order][reached.argmax(axis=1)]


MEDIAN_ERROR = Metric("median_error", higher_is_better=False, compute=median_error)
TOTAL_ERROR = Metric("total_error", False, lambda label, said, weights: weights @ abs(label - said))


@pytest.fixture(autouse=True)
def _small_bags(monkeypatch):
    """A tenth of the rows, as of many."""
    monkeypatch.setattr(bags, "BAG_ROWS", 800)


def answers_of(rate: float | None) -> Answers:
    rng = np.random.default_rng(0)
    if rate is None:
        label = rng.normal(size=ROWS)
        return Answers(label, label + rng.exponential(size=ROWS))
    label = (rng.random(ROWS) < rate).astype(float)
    return Answers(label, 1 / (1 + np.exp(-(label + rng.normal(size=ROWS)))))


@pytest.mark.parametrize(
    ("metric", "rate"),
    [(MEDIAN_ERROR, None), (TOTAL_ERROR, None), (MAE, None), (RMSE, None), (AUROC, 0.3), (AUROC, 0.01), (AVERAGE_PRECISION, 0.3),
     (BRIER, 0.01)],
    ids=lambda of: getattr(of, "name", str(of)),
)  # fmt: skip
def test_draws_of_bags_spread_as_those_of_all_rows(metric, rate):
    answers = answers_of(rate)
    whole = resampled([metric], answers.label, {"m": answers.prediction})["m"][metric.name]
    found = bag_draws([metric], {"m": answers}, resamples=1_000)["m"][metric.name]
    assert found.mean() == pytest.approx(value_of(metric, answers), abs=1e-9 + 0.01 * whole.std())
    assert found.std() == pytest.approx(whole.std(), rel=0.15)
    brute, ours = interval(whole, ROWS), interval(found, ROWS)
    assert (ours.low, ours.high) == pytest.approx((brute.low, brute.high), abs=0.45 * whole.std())


def test_a_seed_gives_the_same_draws_and_models_share_their_resamples():
    answers = answers_of(0.3)
    found = bag_draws([BRIER], {"a": answers, "b": answers}, resamples=100, seed=1)
    np.testing.assert_array_equal(found["a"]["brier"], found["b"]["brier"])
    np.testing.assert_array_equal(
        found["a"]["brier"], bag_draws([BRIER], {"a": answers}, resamples=100, seed=1)["a"]["brier"]
    )
    assert not np.array_equal(found["a"]["brier"], bag_draws([BRIER], {"a": answers}, resamples=100)["a"]["brier"])


def test_a_resample_of_a_bag_draws_as_many_rows_as_there_are_of_each_label_its_share():
    sizes = bags._sizes([7_900, 100])
    assert sizes == [790, 100], "of a rare label all that there are, or half of an equal share"
    weights = bags._weights(np.random.default_rng(0), [7_900, 100], sizes, 400)
    assert (weights.sum(axis=1) == 8_000).all()
    assert weights[:, 790:].sum(axis=1).mean() == pytest.approx(100, abs=2)


def test_rows_of_many_different_labels_are_one_stratum():
    assert len(bags._strata(np.arange(100.0))) == 1
    assert [len(of) for of in bags._strata(np.array([0.0, 1, 0, 2]))] == [2, 1, 1]


def test_undefined_resamples_stay_undefined():
    undefined = Metric("none", True, lambda label, said, weights: np.full(len(weights), np.nan))
    assert np.isnan(bag_draws([undefined], {"m": answers_of(0.3)}, resamples=100)["m"]["none"]).all()
