from __future__ import annotations

import numpy as np
import pytest

from ml_assets.evaluation import intervals
from ml_assets.evaluation.metrics import AUROC, BRIER, MAE


def draws(*arguments):
    return np.concatenate(list(intervals.bootstrap_weights(*arguments)))


def test_a_seed_gives_the_same_resamples_whatever_the_chunks(monkeypatch):
    whole = draws(50, 7, 3)
    monkeypatch.setattr(intervals, "CELLS_AT_ONCE", 100)
    assert [len(chunk) for chunk in intervals.bootstrap_weights(50, 7, 3)] == [2, 2, 2, 1]
    np.testing.assert_array_equal(draws(50, 7, 3), whole)
    assert not np.array_equal(draws(50, 7, 4), whole)


def test_a_resample_draws_as_many_rows_as_there_are_each_equally_often():
    weights = draws(40, 2000, 0)
    assert (weights.sum(axis=1) == 40).all()
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.15)
    assert weights.var() == pytest.approx(1 - 1 / 40, abs=0.03)  # of a multinomial count


def test_an_interval_leaves_out_what_is_undefined_and_counts_it():
    found = intervals.interval(np.array([np.nan, *np.arange(101.0), np.nan]), confidence=0.9)
    assert (found.low, found.high) == pytest.approx((5, 95))
    assert found.undefined == 2


def test_an_interval_of_nothing_but_undefined_values_is_undefined():
    found = intervals.interval(np.full(3, np.nan))
    assert np.isnan([found.low, found.high]).all()
    assert found.undefined == 3


def test_the_interval_of_a_mean_is_as_wide_as_theory_says():
    error = np.random.default_rng(1).exponential(size=400)
    values = intervals.resampled([MAE], np.zeros(400), {"m": error}, resamples=2000)["m"]["mae"]
    found = intervals.interval(values)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error.std() / 20, rel=0.08)


def test_a_model_is_never_better_than_itself_in_any_resample():
    label, prediction = np.array([0.0, 1.0, 1.0, 0.0] * 10), np.linspace(0, 1, 40)
    assert (intervals.paired_differences(AUROC, label, prediction, prediction, resamples=50) == 0).all()


@pytest.mark.parametrize("metric", [AUROC, BRIER], ids=["higher is better", "lower is better"])
def test_differences_are_positive_where_the_challenger_is_better(metric):
    rng = np.random.default_rng(0)
    label = (rng.random(300) < 0.5).astype(float)
    good, bad = 0.25 + label / 2 + rng.normal(0, 0.05, 300), rng.random(300)
    gains = intervals.paired_differences(metric, label, good, bad, resamples=100)
    assert (gains > 0).all()
    np.testing.assert_array_equal(intervals.paired_differences(metric, label, bad, good, resamples=100), -gains)


def test_pairing_uses_the_very_same_rows_for_both():
    """A challenger that is better by the same on every row is better by exactly that in every resample."""
    label = np.random.default_rng(0).normal(size=200)
    gains = intervals.paired_differences(MAE, label, label + 1, label + 3, resamples=100)
    np.testing.assert_allclose(gains, 2)
