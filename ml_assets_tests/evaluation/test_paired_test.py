from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest
from scipy import stats

from ml_assets.evaluation import jackknife
from ml_assets.evaluation import paired_test as paired_test_module
from ml_assets.evaluation.comparison import compare_answers
from ml_assets.evaluation.intervals import improvement
from ml_assets.evaluation.metrics import (
    ACCURACY,
    AUROC,
    AVERAGE_PRECISION,
    BRIER,
    CALIBRATION_ERROR,
    LOG_LOSS,
    MAE,
    RMSE,
    value,
)
from ml_assets.evaluation.paired_test import paired_test, units_needed
from ml_assets.evaluation.percentiles import COVERAGE, PINBALL_LOSS
from ml_assets.problem import Better, Metric
from ml_assets_tests.evaluation.equals import CASES, Case

NEVER = np.zeros(40)


def of_rows(*rows, **how):
    """The test of single rows."""
    return paired_test(*rows, **how).tests[0]


def gains(differences: np.ndarray, **how):
    """A test of models whose absolute errors differ by just that in each row."""
    far = abs(differences).max() + 1
    return paired_test(MAE, np.zeros(len(differences)), far - differences, np.full(len(differences), far), **how)


# ---------------------------------------------------------------- it errs no more often than it says


@functools.cache
def promoted(case: Case, rows: int, of: int) -> int:
    """How many of so many challengers, each as good as its champion, are promoted with a confidence of 0.95."""
    rng, rule = np.random.default_rng(rows), Better(case.metric)
    return sum(compare_answers(rule, *case.draw(rng, rows), resamples=200).confidence >= 0.95 for _ in range(of))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_of_equally_good_models_no_more_are_promoted_than_the_confidence_allows(case):
    """With a chance of 0.05 for each of 40 pairs, ten promotions or more have one of 1 in 40,000."""
    assert [promoted(case, rows, of=5) for rows in (1, 2, 3)] == [0, 0, 0]
    assert max(promoted(case, rows, of=40) for rows in (5, 10, 30, 100)) < 10


def test_over_all_metrics_no_more_are_promoted_than_the_confidence_allows():
    """Of 960 at each number of rows 48 are expected at most; 77 or more have a chance of 1 in 20,000."""
    for rows in (5, 10, 30, 100):
        assert sum(promoted(case, rows, of=40) for case in CASES) < 77


@pytest.mark.parametrize("rows", [100, 1000])
def test_what_is_better_is_found_as_often_as_by_students_t(rows):
    """A gain of 2.8 standard errors is found in about 87 % of cases by a one-sided t-test at 0.05."""
    rng = np.random.default_rng(0)
    draws = [rng.normal(2.8 / math.sqrt(rows), 1, rows) for _ in range(60)]
    found = sum(gains(of, swaps=200).confidence() >= 0.95 for of in draws)
    assert found >= sum(stats.ttest_1samp(of, 0, alternative="greater").pvalue <= 0.05 for of in draws) - 3


# ---------------------------------------------------------------- each of the three tests against its reference


@pytest.mark.parametrize("confidence", [0.6, 0.9, 0.95, 0.99, 0.999])
def test_so_many_units_are_needed_and_one_fewer_never_reaches_the_confidence(confidence):
    needed = units_needed(confidence)
    always = np.ones(needed)
    assert gains(always).confidence() >= confidence
    assert not gains(always[1:]).confidence() >= confidence


def test_swaps_are_those_of_all_signs():
    differences = np.array([0.5, -0.25, 1.0, 2.0, 0.125, -0.5, 1.5])
    signs = np.array(list(itertools.product([1, -1], repeat=7)))
    reference = ((signs * differences).sum(axis=1) >= differences.sum()).mean()
    assert gains(differences).tests[0]._share_at_most(0.0) == pytest.approx(reference)


def test_of_accuracy_swaps_are_mcnemars_exact_test():
    label = np.ones(10)
    challenger, champion = np.r_[np.ones(8), 0, 1], np.r_[np.zeros(7), 1, 1, 1]
    test = of_rows(ACCURACY, label, challenger, champion, swaps=1024)
    assert test._share_at_most(0.0) == pytest.approx(stats.binomtest(7, 8, alternative="greater").pvalue)


@pytest.mark.parametrize("metric", [AUROC, AVERAGE_PRECISION, CALIBRATION_ERROR, RMSE], ids=lambda m: m.name)
def test_swaps_are_computed_of_models_that_swapped_their_answers(metric):
    rng = np.random.default_rng(0)
    label, a, b = (rng.random(6) < 0.5).astype(float), rng.random(6), rng.random(6)
    gain = improvement(metric, value(metric, label, a), value(metric, label, b))
    swapped = [
        improvement(metric, value(metric, label, np.where(keep, a, b)), value(metric, label, np.where(keep, b, a)))
        for keep in np.array(list(itertools.product([True, False], repeat=6)))
    ]
    expected = np.mean(np.array(swapped) >= gain - 1e-12)
    assert of_rows(metric, label, a, b)._share_at_most(0.0) == pytest.approx(expected)


def test_students_t_is_that_of_the_differences_and_so_is_its_interval():
    differences = np.random.default_rng(0).normal(0.3, 1, 50)
    test, reference = gains(differences).tests[0], stats.ttest_1samp(differences, 0.1, alternative="greater")
    assert test._p_values(0.1, 1)[0] == pytest.approx(reference.pvalue)
    spread = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert test._around(0.025)[0] == pytest.approx((spread.low, spread.high))


def test_halls_interval_ends_where_halls_test_does():
    test = gains(np.random.default_rng(0).exponential(size=30)).tests[0]
    low, high = test._around(0.025)[1]
    assert test._p_values(low, 1)[1] == pytest.approx(0.025)
    assert test._p_values(high, -1)[1] == pytest.approx(0.025)


def test_rare_large_losses_make_it_less_sure_than_students_t():
    rare = np.where(np.arange(60) % 20 == 0, -8.0, 1.0)
    assert 1 - gains(rare).confidence() > stats.ttest_1samp(rare, 0, alternative="greater").pvalue * 1.5


# ---------------------------------------------------------------- what holds of the whole


@pytest.mark.parametrize(("metric", "rows"), [(AUROC, 30), (MAE, 8), (BRIER, 450)], ids=str)
def test_swapping_the_two_models_mirrors_the_answer(metric, rows):
    rng = np.random.default_rng(1)
    label, a = (np.arange(rows) % 2).astype(float), rng.random(rows)
    b = np.clip(a + rng.normal(0, 0.2, rows), 0, 1)
    one, other = paired_test(metric, label, a, b), paired_test(metric, label, b, a)
    assert other.gain == -one.gain
    assert other.confidence() == pytest.approx(1 - one.confidence())
    assert other.interval() == pytest.approx(tuple(-end for end in reversed(one.interval())))


def test_the_interval_is_where_the_confidence_is_neither_high_nor_low():
    test = gains(np.random.default_rng(0).normal(0.3, 1, 40))
    low, high = test.interval()
    assert low < test.gain < high
    assert test.confidence(low - 0.01) > 0.975 > test.confidence(low + 0.01)
    assert test.confidence(high + 0.01) < 0.025 < test.confidence(high - 0.01)


def test_a_larger_gain_asked_is_never_surer():
    test = gains(np.random.default_rng(2).standard_t(2, 25))
    asked = [test.confidence(by) for by in np.linspace(-1, 1, 41)]
    assert asked == sorted(asked, reverse=True)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_fewer_than_six_rows_have_no_interval(rows):
    assert np.isnan(gains(np.arange(1.0, rows + 1)).interval()).all()


def test_models_that_answer_alike_are_not_told_apart():
    assert gains(NEVER).confidence() <= 0.5
    assert gains(NEVER).interval() == (0, 0)


def test_where_there_is_no_answer_none_is_given():
    infinite = np.r_[np.inf, np.zeros(9)]
    one_class = paired_test(AUROC, np.ones(20), np.linspace(0, 1, 20), np.full(20, 0.5))
    lost = paired_test(MAE, np.zeros(10), infinite, np.ones(10))
    assert (lost.gain, math.isnan(lost.confidence()), math.isnan(lost.interval()[0])) == (-math.inf, True, True)
    assert math.isnan(one_class.confidence())


# ---------------------------------------------------------------- many rows


def test_many_rows_are_dealt_into_groups_of_one_size_and_tell_the_same():
    rng = np.random.default_rng(3)
    label, a, b = (rng.random(3000) < 0.3).astype(float), rng.random(3000), rng.random(3000)
    test = of_rows(BRIER, label, a, b)
    differences = (b - label) ** 2 - (a - label) ** 2
    assert len(test.contributions) == 200
    assert set(test.units.sizes) == {15}
    assert test.contributions.mean() == pytest.approx(test.gain) == pytest.approx(differences.mean())
    width = np.diff(test.interval())[0]
    assert width == pytest.approx(2 * 1.96 * differences.std() / math.sqrt(3000), rel=0.2)


def many(monkeypatch, above: int) -> None:
    """More rows than this are very many."""
    for module in (paired_test_module, jackknife):
        monkeypatch.setattr(module, "MANY_ROWS", above)


MANY = pytest.mark.parametrize(
    "metric", [AUROC, AVERAGE_PRECISION, BRIER, RMSE, CALIBRATION_ERROR], ids=lambda m: m.name
)


def of_two_classes(gain: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    label = (rng.random(6_000) < 0.2).astype(float)
    a, b = (np.clip(0.3 * label + by + 0.5 * rng.random(6_000), 0, 1) for by in (gain * label, 0))
    return label, a, b


@MANY
def test_of_very_many_rows_the_test_costs_little_and_tells_the_same(monkeypatch, metric):
    rows = of_two_classes(0.01)
    brute = of_rows(metric, *rows)
    many(monkeypatch, above=5_999)
    assert "swaps of contributions" in paired_test(metric, *rows).method
    test = of_rows(metric, *rows)
    assert test.gain == brute.gain
    np.testing.assert_allclose(test.contributions, brute.contributions, atol=0.05 * brute.contributions.std())
    width = np.diff(brute.interval())[0]
    assert test.interval() == pytest.approx(brute.interval(), abs=0.1 * width)
    assert test.confidence() == pytest.approx(brute.confidence(), abs=0.02)


def test_of_a_mean_swaps_of_contributions_are_swaps_of_answers(monkeypatch):
    rows = of_two_classes(0.0)
    brute = of_rows(BRIER, *rows)
    many(monkeypatch, above=0)
    np.testing.assert_allclose(of_rows(BRIER, *rows).typical, brute.typical, atol=1e-12)


def test_of_many_rows_of_equally_good_models_no_more_are_promoted_than_the_confidence_allows(monkeypatch):
    """With a chance of 0.05 for each of 60, nine or more have one of 1 in 500."""
    many(monkeypatch, above=999)
    case = next(case for case in CASES if str(case) == "auroc of a class of 5 %")
    assert promoted.__wrapped__(case, 1_000, of=60) < 9


def test_a_metric_of_ones_own_is_weighed_by_units():
    own = Metric("own", False, lambda label, said, weights: weights @ abs(label - said) / weights.sum(axis=1))
    rows = of_two_classes(0.01)
    ours, shipped = of_rows(own, *rows, swaps=50), of_rows(MAE, *rows, swaps=50)
    np.testing.assert_allclose(ours.contributions, shipped.contributions)
    np.testing.assert_allclose(ours.typical, shipped.typical)


def test_a_test_says_what_it_did():
    assert gains(NEVER).method == "the most cautious of swaps, Student's t and Hall's t, on single rows"
    assert gains(np.zeros(300), swaps=10).method.endswith("on 200 random groups of 300 rows")


def test_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(4)
    rows = (rng.random(30) < 0.5).astype(float), rng.random(30), rng.random(30)
    whole = of_rows(LOG_LOSS, *rows)
    monkeypatch.setattr(jackknife, "CELLS_AT_ONCE", 100)
    again = of_rows(LOG_LOSS, *rows)
    np.testing.assert_allclose(again.typical, whole.typical)
    np.testing.assert_allclose(again.contributions, whole.contributions)


def test_every_metric_that_ships_is_among_the_cases():
    shipped = {
        of.name
        for of in (
            ACCURACY,
            AUROC,
            AVERAGE_PRECISION,
            BRIER,
            CALIBRATION_ERROR,
            COVERAGE,
            LOG_LOSS,
            MAE,
            PINBALL_LOSS,
            RMSE,
        )
    }
    assert {case.metric.name for case in CASES} == shipped
