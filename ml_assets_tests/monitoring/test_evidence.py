"""What a p-value and evidence promise, over many simulated years of daily looks, and what is found at once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from ml_assets.monitoring.evidence import Earlier, evidence_of, grown, p_by_day, p_of_all
from ml_assets.monitoring.numbers import ByUnit, Numbers
from ml_assets.monitoring.report import Evidence

DAYS, SPAN, YEARS = 60, 30, 400
RATE = 0.05
AT = [f"day {day}" for day in range(SPAN)]


def numbers(before: np.ndarray, now: np.ndarray, *, rows: int = 400, share: bool = False) -> Numbers:
    """Of days whose numbers are known, each column a number of its own."""
    sides = [ByUnit(of, np.full(of.shape, float(rows))) for of in (before, now)]
    width = before.shape[1]
    mean = (before.sum(axis=0) * rows + 1) / (len(before) * rows + 2)
    return Numbers(("x",) * width, np.full(width, share), mean, np.full(width, 0.01), *sides)


def years_with_an_alarm(draw) -> float:
    """Of years with twelve spans each, how many see any alarm at the stated rate."""
    rng = np.random.default_rng(3)
    p = p_by_day(numbers(draw(rng, (DAYS, 12 * YEARS)), draw(rng, (SPAN, 12 * YEARS))))
    alarms = grown(p, SPAN).max(axis=0) >= -np.log10(RATE / 12)
    return float(alarms.reshape(YEARS, 12).any(axis=1).mean())


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, shape: rng.normal(size=shape),
        lambda rng, shape: rng.uniform(size=shape),
        lambda rng, shape: rng.normal(size=shape) + np.arange(shape[0])[:, None] % 7,
    ],
    ids=["normal days", "bounded days", "days of a week"],
)
def test_a_year_of_daily_looks_raises_a_false_alarm_at_most_as_often_as_stated(draw):
    assert years_with_an_alarm(draw) <= RATE + 2 * np.sqrt(RATE * (1 - RATE) / YEARS)


def test_looks_that_are_not_counted_and_rows_taken_for_units_raise_alarms_every_year():
    rng = np.random.default_rng(3)
    before, now = rng.normal(size=(DAYS, 200)), rng.normal(size=(365, 200))  # a day's mean, beside which rows are still
    of_rows = 2 * norm.sf(abs(now - before.mean(axis=0)) / np.sqrt(0.01 * (1 / 400 + 1 / (400 * DAYS))))
    of_days = 2 * norm.sf(abs(now - before.mean(axis=0)) / before.std(axis=0))
    assert ((of_rows < RATE).any(axis=0).mean(), (of_days < RATE).any(axis=0).mean()) == (1, 1)


def test_evidence_by_chance_reaches_a_number_at_most_once_in_that_number_of_spans():
    p = np.random.default_rng(0).uniform(size=(SPAN, 20_000))
    highest = 10 ** grown(p, SPAN).max(axis=0)
    for c in (4, 20, 100):
        assert 0.2 / c < (highest >= c).mean() <= 1 / c


def test_a_break_is_found_on_its_first_day_and_a_small_lasting_change_later():
    rng = np.random.default_rng(1)
    before, now = rng.normal(size=(DAYS, 100)), rng.normal(size=(SPAN, 100))
    later = np.arange(SPAN)[:, None] >= 10
    found = {}
    for shift in (30.0, 3.0):
        p = p_by_day(numbers(before, now + shift * later))
        evidence = [
            evidence_of(p[:, [k]], ("middle",), AT, looks=SPAN, rate=RATE / 12, things=20, units=DAYS)
            for k in range(100)
        ]
        found[shift] = [one.first for one in evidence]
    assert set(found[30.0]) == {"day 10"}
    assert "day 10" not in found[3.0]
    assert sum(first != "" for first in found[3.0]) > 50


def test_of_what_never_happened_one_row_is_no_evidence_and_a_third_of_a_day_is():
    never = np.zeros((DAYS, 2))
    now = np.tile([1 / 400, 1 / 3], (1, 1))
    p = p_by_day(numbers(never, now, share=True))[0]
    assert p[0] > 0.01
    assert p[1] < 1e-8


def test_a_day_that_is_no_farther_out_than_one_of_the_reference_is_no_evidence():
    before = np.random.default_rng(0).normal(size=(DAYS, 1))
    before[7] = 40
    assert p_by_day(numbers(before, np.array([[39.0]])))[0, 0] == pytest.approx(2 / (DAYS + 1))


def test_a_day_without_rows_and_a_reference_of_two_days_say_nothing():
    before, now = np.random.default_rng(0).normal(size=(DAYS, 1)), np.array([[np.nan]])
    nothing = Numbers(
        ("x",),
        np.array([False]),
        np.zeros(1),
        np.ones(1),
        ByUnit(before, before * 0 + 9),
        ByUnit(now, np.zeros((1, 1))),
    )
    assert np.isnan(p_by_day(nothing)).all()
    assert np.isnan(p_by_day(numbers(before[:2], before[:1]))).all()


def test_where_rows_are_units_all_of_them_are_one_look():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(400):
        rows, now = rng.normal(size=(200, 1)), rng.normal(size=(50, 1))
        sides = ByUnit(rows, np.ones((200, 1))), ByUnit(now.mean(axis=0)[None], np.full((1, 1), 50.0))
        p.append(p_of_all(Numbers(("x",), np.array([False]), np.zeros(1), np.ones(1), *sides))[0, 0])
    assert (np.array(p) < 0.1).mean() == pytest.approx(0.1, abs=0.04)


def test_a_day_that_was_looked_at_live_stays_as_it_was_and_is_looked_at_once_more():
    live = Evidence(at=("a", "b"), p={"middle": (0.02, float("nan"))})
    p = np.array([[0.5], [0.001], [0.03]])
    asked = ("x", p, ("middle",), ("a", "b", "c"))
    first = Earlier({}, goes_on=True).p(*asked)
    assert first.ravel().tolist() == [1.0, 0.002, 0.06], "half of the chance of each day is for its other look"
    then = Earlier({"x": live}, goes_on=True).p(*asked)
    np.testing.assert_equal(then.ravel(), [0.02, float("nan"), 0.06])
    landed = Earlier({"x": live}, goes_on=False).p(*asked)
    np.testing.assert_equal(landed.ravel(), [0.02, 0.002, 0.03])
    assert (landed <= np.nan_to_num(then, nan=1.0)).all(), "what was an alarm live is one when it has landed"
