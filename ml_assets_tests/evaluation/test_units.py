"""What counts as one draw of chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.evaluation.comparison import Comparison, compare, compare_answers
from ml_assets.evaluation.jackknife import unit_interval
from ml_assets.evaluation.metrics import (
    ACCURACY,
    AUROC,
    AVERAGE_PRECISION,
    BRIER,
    CALIBRATION_ERROR,
    MAE,
    Answers,
    value_of,
)
from ml_assets.evaluation.scored_rows import scored_rows
from ml_assets.evaluation.units import Units, single_rows, units_in, units_of
from ml_assets.problem import Better, FeatureTable, Hourly, Metric, Monthly, RollingWindow
from ml_assets_tests.doubles import umbrellas

IN_NEW_YORK = replace(umbrellas.PROBLEM, partitions=Monthly("2024-01", zone="America/New_York"))
AT = pd.to_datetime(["2024-01-02T03:00Z", "2024-01-02T06:00Z", "2024-01-02T06:30Z", None], utc=True)


def table(problem=IN_NEW_YORK, **columns) -> FeatureTable:
    keys = pd.DataFrame({"visit": range(4), "at": AT, **columns})
    return FeatureTable(keys, pd.DataFrame(index=range(4)), np.array([0.0, 1.0, 0.0, 1.0]))


# ---------------------------------------------------------------- what a unit is


def test_days_are_those_of_the_clock_that_cuts_the_partitions():
    """Three in the morning in UTC is the evening before in New York; what is not dated stands together."""
    (days,) = units_of(IN_NEW_YORK, table())
    assert (days.counted, days.of.tolist()) == ("3 days", [0, 1, 1, 2])


def test_where_partitions_are_hours_the_units_are_hours():
    hourly = replace(umbrellas.PROBLEM, partitions=Hourly("2024-01-01T00"), split=RollingWindow(48, 0.25, 0.25))
    (hours,) = units_of(hourly, table())
    assert (hours.counted, hours.of.tolist()) == ("3 hours", [0, 1, 1, 2])


def test_with_a_group_there_are_both():
    days, groups = units_of(replace(IN_NEW_YORK, group="customer"), table(customer=["a", "b", "a", None]))
    assert (days.counted, groups.counted, groups.of.tolist()) == ("3 days", "3 groups", [0, 1, 0, 2])


def test_rows_from_before_the_problem_had_a_group_are_told_apart_by_their_days():
    (days,) = units_of(replace(IN_NEW_YORK, group="customer"), table())
    assert days.counted == "3 days"


def test_scored_rows_keep_their_units_and_those_of_older_versions_are_their_rows():
    problem = replace(IN_NEW_YORK, group="customer")
    rows = table(customer=["a", "b", "a", "c"])
    scored = scored_rows(problem, rows, np.full(4, 0.5))
    assert [(of.name, of.of.tolist()) for of in units_in(scored)] == [
        (of.name, of.of.tolist()) for of in units_of(problem, rows)
    ]
    (old,) = units_in(scored[["entity", "label", "prediction"]])
    assert (old.name, old.count) == ("row", 4)


def test_few_units_that_hold_most_of_the_rows_count_for_fewer():
    even, uneven = Units("day", np.repeat(range(10), 5)), Units("day", np.repeat(range(10), [41, *[1] * 9]))
    assert even.degrees_of_freedom == pytest.approx(9)
    assert 0 < uneven.degrees_of_freedom < 1


# ---------------------------------------------------------------- what is told by them


def by_days(rng: np.random.Generator, days: int, rows: int = 20):
    """Labels, and two models that are equally good; on some days one is better, on others the other."""
    day = np.repeat(np.arange(days), rng.integers(rows // 2, 2 * rows, days))
    label = (rng.random(len(day)) < 1 / (1 + np.exp(1.2 - 0.8 * rng.normal(size=days)[day]))).astype(float)
    skill = [1 + 0.5 * rng.normal(size=days)[day] for _ in range(2)]
    one, other = (1 / (1 + np.exp(1.2 - of * (label - 0.3) - rng.normal(size=len(day)))) for of in skill)
    return Units("day", day), label, one, other


def test_rows_promote_too_much_where_days_differ_and_days_do_not():
    """Of 60 equal pairs 0.05 are 3; eight or more have a chance of 1 in 90."""
    rng, rule, promoted = np.random.default_rng(5), Better(AUROC), {"day": 0, "row": 0}
    for _ in range(60):
        days, label, one, other = by_days(rng, 30)
        for units in (days, single_rows(len(label))):
            found = compare_answers(rule, label, one, other, units=[units], resamples=200)
            promoted[units.name] += found.confidence >= 0.95
    assert promoted["day"] < 8 < promoted["row"] + 2


@pytest.mark.parametrize("days", [7, 30])
def test_intervals_by_days_hold_the_truth_as_often_as_they_say(days):
    """Of 60, 0.95 are 57; fewer than 51 have a chance of 1 in 100."""
    rng = np.random.default_rng(days)
    _, label, answer, _ = by_days(rng, 5_000)
    truth = {m.name: value_of(m, Answers(label, answer)) for m in (AUROC, AVERAGE_PRECISION, BRIER)}
    held = dict.fromkeys(truth, 0)
    for _ in range(60):
        units, label, answer, _ = by_days(rng, days)
        for metric in (AUROC, AVERAGE_PRECISION, BRIER):
            low, high = unit_interval(metric, Answers(label, answer), [units])
            held[metric.name] += low <= truth[metric.name] <= high
    assert min(held.values()) >= 51, held


def test_no_interval_leaves_what_its_metric_can_be():
    rng = np.random.default_rng(3)
    units, label, answer, _ = by_days(rng, 8)
    for metric, least, most in ((CALIBRATION_ERROR, 0, np.inf), (BRIER, 0, 1), (AUROC, 0, 1), (ACCURACY, 0, 1)):
        low, high = unit_interval(metric, Answers(label, answer), [units])
        assert least <= low < high <= most, metric.name


def test_days_and_groups_together_are_less_sure_than_either():
    """Each row's gain is its day's and its customer's."""
    rng = np.random.default_rng(0)
    day, customer = (of.ravel() for of in np.meshgrid(np.arange(12), np.arange(15)))
    gains = 0.3 + rng.normal(size=12)[day] + rng.normal(size=15)[customer] + 0.1 * rng.normal(size=180)
    answers = np.full(180, 2.0), 12 - gains, np.full(180, 12.0)
    both = [Units("day", day), Units("group", customer)]
    alone = [compare_answers(Better(MAE), *answers, units=[of]) for of in both]
    crossed = compare_answers(Better(MAE), *answers, units=both)
    assert crossed.high - crossed.low > max(one.high - one.low for one in alone)
    assert crossed.confidence < min(one.confidence for one in alone)
    assert crossed.units == "12 days and 15 groups"
    true_error = np.sqrt(1 / 12 + 1 / 15)
    assert (crossed.high - crossed.low) / 4 == pytest.approx(true_error, rel=0.35)


def test_where_rows_are_independent_days_and_groups_say_what_rows_do():
    rng = np.random.default_rng(1)
    day, customer = rng.integers(0, 40, 4_000), rng.integers(0, 50, 4_000)
    label, one, other = (rng.random(4_000) < 0.5).astype(float), rng.random(4_000), rng.random(4_000)
    rows = compare_answers(Better(BRIER), label, one, other)
    both = compare_answers(Better(BRIER), label, one, other, units=[Units("day", day), Units("group", customer)])
    assert both.high - both.low == pytest.approx(rows.high - rows.low, rel=0.5)


def test_too_few_days_are_said_with_how_many_more_would_tell():
    days, label = Units("day", np.repeat(range(4), 25)), np.tile([0.0, 1.0], 50)
    found = compare_answers(Better(ACCURACY), label, label, 1 - label, units=[days])
    assert found.too_few == "4 days judge, and a confidence of 0.95 needs at least 5: 1 more"
    rare = np.where(days.of == 0, label, 0.0)
    week = Units("day", np.repeat(range(10), 10))
    assert (
        compare_answers(Better(ACCURACY), rare, rare, rare, units=[week]).too_few
        == "label 1 is that of 3 of 10 days, and a confidence of 0.95 needs at least 5 of each"
    )


def test_a_small_gain_says_how_many_days_would_tell_and_so_many_do():
    rng = np.random.default_rng(2)
    gains = np.repeat(0.35 + rng.normal(size=12), 10)
    few = _told(gains)
    assert 0.5 < few.confidence < 0.95
    wanted = int(few.would_tell.removesuffix(" days"))
    assert _told(np.tile(gains, -(-wanted // 12))[: wanted * 10]).confidence > 0.9


def test_where_it_is_not_their_number_that_lacks_no_number_of_groups_is_said():
    """Of 51 groups one has nine tenths of the rows: five groups told two models apart only if all were as large."""
    rng, groups = np.random.default_rng(0), Units("group", np.repeat(range(51), [450, *[1] * 50]))
    label, days = np.full(500, 2.0), Units("day", np.arange(500) // 70)
    answers = rng.normal(2, 1, 500), rng.normal(2, 1.3, 500)
    for units in ([groups], [days, groups]):
        found = compare_answers(Better(MAE), label, *answers, units=units)
        assert 0.5 < found.confidence < 0.95
        assert not found.would_tell.endswith("groups") or int(found.would_tell.split()[0].replace(",", "")) > 51
        assert np.isnan(found.low)
    assert np.isnan(unit_interval(MAE, Answers(label, answers[0]), [groups])).all()


def test_an_infinite_metric_has_no_interval():
    label, days = np.tile([0.0, 1.0], 20), Units("day", np.arange(40) // 5)
    infinite = Metric("own", False, lambda label, said, weights: np.full(len(weights), np.inf))
    assert np.isnan(unit_interval(infinite, Answers(label, label), [days])).all()


def _told(gains: np.ndarray) -> Comparison:
    """Of models whose absolute errors differ by just that in each of ten rows a day."""
    label, days = np.full(len(gains), 2.0), Units("day", np.arange(len(gains)) // 10)
    return compare_answers(Better(MAE), label, 12 - gains, np.full(len(gains), 12.0), units=[days])


def test_two_models_are_compared_by_the_days_of_their_scored_rows():
    frame = pd.DataFrame(
        {"entity": range(20), "label": [0.0, 1.0] * 10, "day": np.repeat(range(10), 2), "prediction": [0.2, 0.8] * 10}
    )
    found = compare(Better(BRIER), challenger=frame, champion=frame.assign(prediction=0.5))
    assert (found.units, found.rows) == ("10 days", 20)
