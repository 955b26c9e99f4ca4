from __future__ import annotations

import numpy as np
import pytest

from ml_assets.evaluation import intervals
from ml_assets.evaluation.metrics import AUROC, AVERAGE_PRECISION, BRIER, CALIBRATION_ERROR, MAE, Answers
from ml_assets.problem import Metric


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
    found = intervals.interval(np.array([np.nan, *np.arange(1001.0), np.nan]), 10**9, confidence=0.9)
    assert (found.low, found.high) == pytest.approx((50, 950))
    assert found.undefined == 2


def test_where_many_resamples_are_undefined_the_others_are_no_fair_sample():
    found = intervals.interval(np.array([*np.arange(980.0), *[np.nan] * 20]), 100)
    assert np.isnan([found.low, found.high]).all()
    assert found.undefined == 20


def test_an_interval_of_nothing_but_undefined_values_is_undefined():
    found = intervals.interval(np.full(3, np.nan), 100)
    assert np.isnan([found.low, found.high]).all()
    assert found.undefined == 3


def test_the_interval_of_a_mean_is_as_wide_as_theory_says():
    error = np.random.default_rng(1).exponential(size=400)
    values = intervals.resampled([MAE], np.zeros(400), {"m": error}, resamples=2000)["m"]["mae"]
    found = intervals.interval(values, 400)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error.std() / 20, rel=0.08)


@pytest.mark.parametrize(("rows", "known"), [(1, False), (2, False), (5, False), (6, True), (100, True)])
def test_fewer_than_six_rows_have_no_interval(rows, known):
    found = intervals.interval(np.arange(1000.0), rows)
    assert (not np.isnan(found.low), not np.isnan(found.high)) == (known, known)


def test_an_interval_is_wider_the_fewer_rows_there_are():
    widths = [of.high - of.low for of in (intervals.interval(np.arange(1000.0), rows) for rows in (6, 10, 30, 10**6))]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == pytest.approx(950, abs=2)


@pytest.mark.parametrize("rows", [6, 10, 30, 100])
def test_an_interval_of_a_mean_holds_it_in_about_95_of_100_cases(rows):
    """Bounds of 400 cases at 0.95 that have a chance of 1 in 10,000; a percentile interval without expansion holds 85 % of 6."""
    rng = np.random.default_rng(rows)
    weights = draws(rows, 400, 0)
    found = [intervals.interval(weights @ rng.normal(size=rows) / rows, rows) for _ in range(400)]
    held = sum(of.low <= 0 <= of.high for of in found)
    assert held >= 0.90 * 400


def test_infinite_resamples_leave_the_finite_end_of_an_interval():
    found = intervals.interval(np.r_[np.arange(600.0), np.full(400, np.inf)], 10**6)
    assert found.low == pytest.approx(25, abs=1)
    assert found.high == np.inf


# ---------------------------------------------------------------- which method

RNG = np.random.default_rng(0)
LABEL = (RNG.random(600) < 0.3).astype(float)
TWO = {
    "model": Answers(LABEL, np.clip(LABEL * 0.3 + 0.7 * RNG.random(600), 0, 1)),
    "baseline": Answers(LABEL, np.full(600, 0.3)),
}
OWN = Metric("own", False, lambda label, said, weights: weights @ abs(label - said) / weights.sum(axis=1))
METRICS = (AUROC, AVERAGE_PRECISION, BRIER, CALIBRATION_ERROR, OWN)
OF_MANY = {
    "auroc": "DeLong's variance",
    "average_precision": "infinitesimal jackknife",
    "brier": "central limit theorem, corrected for skewness",
    "calibration_error": "central limit theorem, 200 draws of the 10 means",
    "own": "bag of little bootstraps, 20 bags of 5,000 rows, 10 resamples of each",
}


@pytest.mark.parametrize(
    ("most", "expected"),
    [(600, dict.fromkeys(OF_MANY, "bootstrap, 200 resamples")), (599, OF_MANY)],
    ids=["few rows", "many rows"],
)
def test_the_number_of_rows_chooses_the_method_and_the_interval_says_it(monkeypatch, most, expected):
    monkeypatch.setattr(intervals, "MANY_ROWS", most)
    found = intervals.intervals(METRICS, TWO, resamples=200)
    for of in found.values():
        assert {name: each.method for name, each in of.items()} == expected
        assert not any(np.isnan([each.low, each.high]).any() for each in of.values())
    assert found == intervals.intervals(METRICS, TWO, resamples=200), "each time the same"


def test_both_methods_tell_the_same(monkeypatch):
    few = intervals.intervals(METRICS, TWO)["model"]
    monkeypatch.setattr(intervals, "MANY_ROWS", 0)
    for name, many in intervals.intervals(METRICS, TWO)["model"].items():
        width = few[name].high - few[name].low
        assert (many.low, many.high) == pytest.approx((few[name].low, few[name].high), abs=0.15 * width)


def test_few_rows_are_resampled_as_ever():
    """The interval of an evaluation that was made before there were other methods."""
    draws = np.concatenate(
        [BRIER.compute(LABEL, TWO["model"].prediction, w) for w in intervals.bootstrap_weights(600, 300, 5)]
    )
    found = intervals.intervals([BRIER], TWO, seed=5, resamples=300)["model"]["brier"]
    assert (found.low, found.high) == pytest.approx(
        (intervals.interval(draws, 600).low, intervals.interval(draws, 600).high)
    )
