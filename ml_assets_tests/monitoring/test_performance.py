"""Is the model worse than promised: how seldom by chance, how soon where it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml_assets.evaluation.metrics import AUROC, BRIER, Answers
from ml_assets.evaluation.units import single_rows
from ml_assets.monitoring.performance import Daily, process, running, worse_at_once, worse_than_promised


def daily(values: np.ndarray, rows: int = 500) -> Daily:
    at = tuple(f"{day}" for day in range(len(values)))
    return Daily(at, np.asarray(values, dtype=float), np.full(len(values), rows))


def test_a_promise_of_seven_days_is_broken_by_chance_at_most_as_often_as_stated():
    rng, even = np.random.default_rng(0), np.ones(12)
    highest = [process(*np.split(rng.normal(size=19), [7]), even[:7], even, looks=12).max() for _ in range(400)]
    assert [(np.array(highest) >= np.log10(c)).mean() <= 1 / c for c in (4, 10, 20, 100)] == [True] * 4
    assert (np.array(highest) >= np.log10(4)).mean() > 0.02


@pytest.mark.parametrize(
    ("metric", "promised", "worse"), [(AUROC, 0.75, 0.62), (BRIER, 0.12, 0.20)], ids=["of more", "of less"]
)
def test_what_is_worse_is_found_by_day_and_what_is_better_never(metric, promised, worse):
    rng = np.random.default_rng(0)
    before = daily(promised + 0.01 * rng.normal(size=7))
    now = promised + (worse - promised) * (np.arange(30) >= 10) + 0.01 * rng.normal(size=30)
    evidence = worse_than_promised(metric, before, daily(now), looks=30, rate=0.001)
    assert (evidence.alarm, evidence.what, evidence.first in ("10", "11")) == (True, metric.name, True)
    better = worse_than_promised(metric, before, daily(2 * promised - now), looks=30, rate=0.001)
    assert not better.alarm


def test_what_answers_let_expect_of_a_day_is_no_news_and_a_model_that_does_not_know_is_found():
    rng = np.random.default_rng(0)
    hard, worse = rng.normal(size=37), 0.9 * (np.arange(37) >= 17)  # days differ more than the model is worse
    scale = 1 / (1 + np.exp(-np.stack([1 - hard - worse + 0.1 * rng.normal(size=37), 1 - hard])))
    known, rows = [scale[:, :7], scale[:, 7:]], np.full(37, 500)
    sides = [Daily(tuple(map(str, range(of.shape[1]))), of[0], rows[: of.shape[1]], of[1]) for of in known]
    found = worse_than_promised(AUROC, *sides, looks=30, rate=0.001)
    assert (found.alarm, found.first, found.what) == (True, "10", "auroc beside what answers promise")
    plain = [replace(of, expected=None) for of in sides]
    assert not worse_than_promised(AUROC, *plain, looks=30, rate=0.001).alarm


def test_days_on_which_the_metric_is_undefined_are_left_out_and_too_few_tell_nothing():
    now = daily(np.array([np.nan, 0.7, 0.71]))
    evidence = worse_than_promised(AUROC, daily(np.array([0.7, 0.72, np.nan, 0.71, 0.69])), now, looks=3, rate=0.05)
    assert (evidence.at, evidence.units, evidence.untold) == (("1", "2"), 4, "")
    few = worse_than_promised(AUROC, daily(np.array([0.7, np.nan])), now, looks=3, rate=0.05)
    assert few.untold == "auroc is known of 1 days of those that judged, and at least 3 are needed"


def test_a_day_of_few_rows_weighs_little():
    before, now = daily(np.array([0.7, 0.72, 0.71, 0.69, 0.7])), np.array([0.71, 0.1])
    whole = worse_than_promised(AUROC, before, daily(now), looks=2, rate=0.05)
    tiny = worse_than_promised(AUROC, before, Daily(("a", "b"), now, np.array([500, 2])), looks=2, rate=0.05)
    assert whole.alarm
    assert tiny.log10_e < whole.log10_e - 1


def test_without_time_all_rows_are_held_against_those_that_judged():
    rng = np.random.default_rng(0)

    def answers(signal: float) -> Answers:
        label = (rng.random(2_000) < 0.4).astype(float)
        return Answers(label, signal * label + (1 - signal) * rng.random(2_000))

    units, found = single_rows(2_000), {}
    for signal in (0.3, 0.05):
        found[signal] = worse_at_once(AUROC, answers(0.3), answers(signal), units, units, rate=0.01).alarm
    assert found == {0.3: False, 0.05: True}


def test_a_confidence_sequence_holds_the_mean_on_all_days_at_once():
    rng = np.random.default_rng(0)
    outside = 0
    for _ in range(400):
        _, low, high = running(rng.normal(size=60), looks=60)
        outside += bool(((low[9:] > 0) | (high[9:] < 0)).any())
    assert outside / 400 < 0.05 + 0.03
