from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.evaluation.checks import Before, volume
from ml_assets.evaluation.checks.volume import usual_rows

MONDAY, SATURDAY, SUNDAY = 0, 5, 6


def months(*rows: int) -> list[Before]:
    return [Before(n) for n in rows]


def days(*rows: int, last: int) -> list[Before]:
    """Days that follow each other and end with one of this weekday."""
    return [Before(n, (last - len(rows) + 1 + k) % 7) for k, n in enumerate(rows)]


def look(rows: int, before: list[Before], weekday: int | None = None, growth: float | None = 20.0):
    return volume(rows, 100, before=before, weekday=weekday, maximum_growth=growth)


@pytest.mark.parametrize(
    ("rows", "before", "passed", "words"),
    [
        (100, [], True, "100 rows landed."),
        (99, [], False, "99 rows landed, at least 100 are expected"),
        (2000, months(100), True, "2,000 rows landed. Usual are 100."),
        (2001, months(100), False, "2,001 rows landed, more than 20 times the usual 100 (of 1 before)"),
        (2001, months(0), True, "2,001 rows landed."),
        (9000, months(*[400] * 11, 40_000), False, "9,000 rows landed, more than 20 times the usual 400"),
        (7000, months(*[400] * 11, 3), True, "7,000 rows landed."),
    ],
    ids=[
        "first",
        "too few",
        "growth",
        "too much growth",
        "after nothing",
        "one that was too large",
        "one that was small",
    ],
)
def test_volume_refuses_too_few_rows_and_sudden_growth(rows, before, passed, words):
    found = look(rows, before)
    assert (found.name, found.passed, found.blocking) == ("volume", passed, True)
    assert found.description.startswith(words)
    assert json.loads(json.dumps(found.metadata)) == found.metadata


WEEK = (2000, 2100, 1900, 2000, 2200, 900, 3)  # Monday to Sunday: closed on Sundays
CLOSED = (3, 3, 3, 3, 3, 5000, 3)  # open on Saturdays alone
VALID = {
    "a Monday after closed Sundays": (2000, days(*WEEK * 2, last=SUNDAY), MONDAY),
    "a closed Sunday after a busy week": (101, days(*WEEK[:6], *WEEK[:6], last=SATURDAY), SUNDAY),
    "a Saturday of a shop that opens on Saturdays": (5200, days(*CLOSED * 2, 3, 3, 3, 3, 3, last=4), SATURDAY),
    "the second Saturday of such a shop": (5200, days(*CLOSED, 3, 3, 3, 3, 3, last=4), SATURDAY),
    "the first Monday, of which only a closed Sunday is known": (2000, days(3, last=SUNDAY), MONDAY),
    "the first Saturday of such a shop": (5200, days(3, 3, 3, 3, 3, last=4), SATURDAY),
    "a Sunday on which a shop opens for the first time": (2000, days(*WEEK * 4, last=SUNDAY)[:-1], SUNDAY),
    "a day after a holiday of a week": (2000, days(*WEEK * 3, *[0] * 7, last=SUNDAY), MONDAY),
}


@pytest.mark.parametrize(("rows", "before", "weekday"), VALID.values(), ids=VALID)
def test_the_rhythm_of_a_week_is_no_growth(rows, before, weekday):
    assert look(rows, before, weekday).passed


@pytest.mark.parametrize("weekday", [MONDAY, SATURDAY, SUNDAY])
def test_all_of_history_in_one_day_is_found_on_any_day(weekday):
    before = days(*np.roll(WEEK * 4, -weekday), last=(weekday - 1) % 7)
    assert not look(sum(WEEK) * 40, before, weekday).passed


@pytest.mark.parametrize(("growth", "passed"), [(None, True), (100.0, True), (20.0, False), (1.5, False)])
def test_the_limit_is_the_problems(growth, passed):
    found = look(10_000, months(400), growth=growth)
    assert found.passed == passed
    assert found.metadata["maximum_growth"] == growth


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=28))
def test_usual_is_numpys_ninetieth_percentile_where_there_are_no_days(rows):
    assert usual_rows(months(*rows)) == round(float(np.percentile(rows, 90)))


@given(st.lists(st.integers(0, 10**6), min_size=7, max_size=28), st.integers(0, 6))
def test_of_days_usual_lies_among_what_landed_and_is_no_less_than_on_such_days(rows, weekday):
    before = days(*rows, last=(weekday - 1) % 7)
    usual = usual_rows(before, weekday)
    assert usual is not None
    assert min(rows) - 1 <= usual <= max(rows) + 1
    assert usual + 1 >= np.median([one.rows for one in before if one.weekday == weekday])
