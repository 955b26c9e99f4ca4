"""Recipes compared over windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ml_assets.evaluation.comparison import WindowScores
from ml_assets.evaluation.metrics import AUROC, MAE
from ml_assets.evaluation.units import Units
from ml_assets.evaluation.windows import _Evidence, compare_windows, window_scores
from ml_assets.problem import Better


def scores(*gains: float, fitted_on: int = 10**9, error: float = 0.0) -> list[WindowScores]:
    return [
        WindowScores(f"2024-{at:02}", 100, fitted_on, 0.6 + gain, 0.6, gain, error, 7)
        for at, gain in enumerate(gains, 1)
    ]


def of_gains(*gains: float, **how):
    """The first of the two tests, that of the gains as they are."""
    return _Evidence(scores(*gains, **how))._effects(0.0)[0]


def test_where_windows_are_sure_it_is_students_t_on_the_differences_between_them():
    gains = (0.02, 0.01, 0.03, -0.005)
    assert of_gains(*gains).confidence(4) == pytest.approx(1 - stats.ttest_1samp(gains, 0).pvalue / 2)


def test_where_they_agree_it_is_students_t_on_what_units_say_within_them():
    found = of_gains(0.010, 0.011, 0.012, error=0.02).confidence(3)
    assert found == pytest.approx(stats.t.cdf(0.011 / (0.02 / np.sqrt(3)), 3 * 6))


def test_windows_that_share_rows_widen_it_as_nadeau_and_bengio_say():
    gains = (0.02, 0.01, 0.03, -0.005)
    apart, shared = (stats.t.ppf(of_gains(*gains, fitted_on=of).confidence(4), 3) for of in (10**9, 400))
    assert apart / shared == pytest.approx(np.sqrt((1 / 4 + 1 / 4) / (1 / 4)))


def test_windows_that_happen_to_agree_on_little_are_no_surer_than_their_days():
    between, both = (compare_windows(Better(AUROC), scores(0.010, 0.011, 0.012, error=of)) for of in (1e-6, 0.02))
    assert between.confidence > 0.99
    assert both.confidence < 0.85
    assert both.low < 0 < between.low


def test_one_stormy_month_does_not_outweigh_the_others():
    calm = [WindowScores(f"2024-{at}", 100, 900, 0.6, 0.6, gain, 0.001, 7) for at, gain in enumerate((-0.002, -0.003))]
    stormy = WindowScores("2024-3", 100, 900, 0.7, 0.6, 0.1, 0.05, 7)
    found = compare_windows(Better(AUROC, windows=3), [*calm, stormy])
    assert found.gain > 0
    assert found.confidence == 0.5


def test_the_interval_is_where_the_confidence_is_neither_high_nor_low():
    told = scores(0.02, 0.01, 0.03, error=0.01)
    found = compare_windows(Better(AUROC, windows=3), told)
    assert found.low < found.gain < found.high
    assert _Evidence(told).confidence(found.low) == pytest.approx(0.975)
    assert _Evidence(told).confidence(found.high) == pytest.approx(0.025)


def test_of_one_window_nothing_is_told_and_why_there_are_not_more_is_said():
    found = compare_windows(Better(AUROC, windows=3), scores(0.1), "of the others no split is there")
    assert np.isnan([found.confidence, found.low]).all()
    assert found.too_few == (
        "both recipes can be judged on 1 of the 3 windows that promotion asks, and at least 3 are needed; "
        "of the others no split is there"
    )
    assert compare_windows(Better(AUROC, windows=3), []).too_few.startswith("both recipes can be judged on 0 of the 3")


def test_recipes_that_give_the_same_models_are_equal():
    found = compare_windows(Better(AUROC, windows=3), scores(0.0, 0.0, 0.0))
    assert (found.confidence, found.low, found.high) == (0.5, 0.0, 0.0)


def test_a_promised_gain_must_be_exceeded_and_how_many_windows_would_tell_is_said():
    gains = (0.02, 0.01, 0.03)
    asked = compare_windows(Better(AUROC, by=0.015, windows=3), scores(*gains))
    assert 0.5 < asked.confidence < 0.95
    assert int(asked.would_tell.removesuffix(" windows")) > 3


@pytest.mark.parametrize(
    ("challenger", "error", "tells"),
    [(0.6, 0.01, True), (np.nan, np.nan, False), (0.6, np.nan, False), (np.inf, np.nan, True)],
    ids=["known", "of one class", "of one class without one day", "an infinite loss"],
)
def test_a_window_without_a_value_of_the_metric_tells_nothing(challenger, error, tells):
    found = WindowScores("2024-01", 100, 900, challenger, 0.5, challenger - 0.5, error, 7)
    assert found.tells == tells


def test_a_window_of_which_one_group_has_most_rows_counts_for_few_units():
    rng, groups = np.random.default_rng(0), Units("group", np.repeat(range(51), [450, *[1] * 50]))
    found = window_scores(MAE, *rng.normal(size=(3, 500)), [groups], of="2024-01", fitted_on=900)
    assert found.units == 1


def test_a_window_in_which_all_days_say_the_same_is_not_weighed_as_if_nothing_else_counted():
    sure, *others = scores(0.01, 0.02, 0.03, error=0.01)
    found = compare_windows(Better(MAE, windows=3), [replace(sure, error=1e-17, units=1), *others])
    assert 0.9 < found.confidence < 0.97
    assert found.method.endswith("1-7 units of chance in each")


def test_of_equal_recipes_no_more_are_promoted_than_the_confidence_allows():
    """Of 400, 0.05 are 20; 33 or more have a chance of 1 in 300."""
    rng = np.random.default_rng(0)
    drawn = [compare_windows(Better(MAE, windows=3), scores(*rng.normal(size=3), error=0.5)) for _ in range(400)]
    assert sum(one.confidence >= 0.95 for one in drawn) < 33
