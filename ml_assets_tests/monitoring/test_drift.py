"""What is seen of each kind of column, and what is said where nothing can be."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from ml_assets.monitoring.drift import Asked, drift_of
from ml_assets.monitoring.numbers import Rows

DAYS, SPAN, ROWS = 40, 10, 60
RNG = np.random.default_rng(0)
UNITS, UNITS_NOW = (Rows(np.repeat(np.arange(days), ROWS), days) for days in (DAYS, SPAN))
AT = tuple(f"2024-05-{day + 1:02}" for day in range(SPAN))
ASKED = Asked(UNITS, UNITS_NOW, AT, is_time=True, looks=SPAN, rate=0.01)
BROKEN = UNITS_NOW.unit >= 6


def looked(before, now, asked: Asked = ASKED):
    (found,) = drift_of(pd.DataFrame({"x": before}), pd.DataFrame({"x": now}), asked)
    return found


def values(units: Rows) -> np.ndarray:
    """Of days that differ."""
    return RNG.normal(size=units.count)[units.unit] * 0.5 + RNG.normal(size=len(units.unit))


def names(units: Rows) -> pd.Series:
    return pd.Series(RNG.choice(["a", "b", "c"], size=len(units.unit), p=[0.6, 0.3, 0.1]))


def times(units: Rows) -> pd.Series:
    return pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(RNG.random(len(units.unit)) * 1e5, unit="s")


BEFORE, NOW = values(UNITS), values(UNITS_NOW)
WHOLE, WHOLE_NOW = (np.round(5 * of) * 10 for of in (BEFORE, NOW))
LETTERS, LETTERS_NOW = names(UNITS), names(UNITS_NOW)
FLAG, FLAG_NOW = BEFORE > 0.5, NOW > 0.5
BREAKS = {
    "a number in another unit": (BEFORE, np.where(BROKEN, 1000 * NOW, NOW), "number"),
    "a number that is missing": (BEFORE, np.where(BROKEN, np.nan, NOW), "number"),
    "a number that is constant": (BEFORE, np.where(BROKEN, 0.0, NOW), "number"),
    "whole numbers in another unit": (WHOLE, np.where(BROKEN, 1.609 * WHOLE_NOW, WHOLE_NOW), "number"),
    "a constant that changes": (np.full(len(BEFORE), 3.0), np.where(BROKEN, 4.0, 3.0), "number"),
    "what was missing and comes": (np.full(len(BEFORE), np.nan), np.where(BROKEN, 4.0, np.nan), "number"),
    "a flag that is stuck": (FLAG, np.where(BROKEN, True, FLAG_NOW), "truth"),
    "a new category": (LETTERS, LETTERS_NOW.where(~BROKEN, "d"), "category"),
    "a category that is gone": (LETTERS, LETTERS_NOW.where(~BROKEN, "b"), "category"),
    "times of another year": (times(UNITS), times(UNITS_NOW) + pd.to_timedelta(BROKEN * 400, unit="D"), "time"),
}


@pytest.mark.parametrize(("before", "now", "kind"), BREAKS.values(), ids=BREAKS)
def test_a_break_is_found_on_its_first_day(before, now, kind):
    found = looked(before, now)
    assert (found.kind, found.evidence.alarm, found.evidence.first) == (kind, True, AT[6])
    assert found.psi_corrected > 0.05
    assert len(found.evidence.by_day) == SPAN


STILL = {
    "numbers": (BEFORE, NOW),
    "whole numbers": (WHOLE, WHOLE_NOW),
    "a constant": (np.full(len(BEFORE), 3.0), np.full(len(NOW), 3.0)),
    "nothing but missing": (np.full(len(BEFORE), np.nan), np.full(len(NOW), np.nan)),
    "infinite numbers": (np.where(BEFORE > 2, np.inf, BEFORE), np.where(NOW > 2, np.inf, NOW)),
    "a flag": (FLAG, FLAG_NOW),
    "a flag with missing": (pd.array(FLAG, dtype="boolean"), pd.array(FLAG_NOW, dtype="boolean")),
    "categories": (LETTERS.astype("category"), LETTERS_NOW.astype("category")),
    "names, each a new one": (pd.Series(range(len(BEFORE))).map(str), pd.Series(range(-len(NOW), 0)).map(str)),
    "times": (times(UNITS), times(UNITS_NOW)),
    "one row in a thousand that is new": (np.zeros(len(BEFORE)), np.arange(len(NOW)) == 300),
}  # fmt: skip


@pytest.mark.parametrize(("before", "now"), STILL.values(), ids=STILL)
def test_what_did_not_move_is_no_alarm_and_has_a_number(before, now):
    found = looked(before, now)
    assert (found.evidence.alarm, found.evidence.suspected, found.evidence.untold) == (False, False, "")
    assert math.isfinite(found.evidence.log10_e) and math.isfinite(found.psi) and math.isfinite(found.psi_by_chance)
    assert found.sentence.startswith("x did not move")


def test_of_sixty_columns_that_differ_from_day_to_day_none_is_an_alarm():
    before, now = (pd.DataFrame({k: values(units) for k in range(60)}) for units in (UNITS, UNITS_NOW))
    found = drift_of(before, now, ASKED)
    of_rows = abs(now.mean() - before.mean()) / (before.std() / np.sqrt(len(now)))
    assert [one.evidence.alarm for one in found] == [False] * 60
    assert (of_rows > 3).sum() > 20  # what a test that takes rows for units would say


def test_new_categories_are_named_and_counted():
    found = looked(LETTERS, LETTERS_NOW.where(~BROKEN, "d").mask(np.arange(len(NOW)) == 0, None))
    assert (found.unseen, found.unseen_rows) == ((("d", int(BROKEN.sum())),), int(BROKEN.sum()))
    assert found.missing == pytest.approx(1 / len(NOW))
    assert math.isnan(found.out_of_range)


def test_what_cannot_be_told_says_why():
    frame, now = pd.DataFrame({"x": BEFORE}), pd.DataFrame({"x": NOW})
    two_days = Asked(Rows(UNITS.unit % 2, 2), UNITS_NOW, AT, is_time=True, looks=SPAN, rate=0.01)
    cases = (
        drift_of(frame, now.drop(columns="x"), ASKED),
        drift_of(frame, now.head(0), Asked(UNITS, Rows(np.empty(0, int), 0), (), is_time=True, looks=SPAN, rate=0.01)),
        drift_of(frame, pd.DataFrame({"x": LETTERS_NOW}), ASKED),
        drift_of(frame, now, two_days),
    )
    assert [found.evidence.untold for (found,) in cases] == [
        "the rows do not have it",
        "there are no rows",
        "it was a number and is a category: the model would refuse it",
        "the reference has 2 days (units of chance), and at least 3 are needed",
    ]
    assert cases[0][0].sentence == "x: cannot tell whether it moved, for the rows do not have it."


def test_where_time_is_no_unit_rows_are_one_look():
    single = Rows(np.arange(len(BEFORE)), len(BEFORE))
    asked = Asked(single, Rows.all_one(len(NOW)), ("",), is_time=False, looks=1, rate=0.01)
    rows = RNG.normal(size=len(BEFORE))
    still, moved = (looked(rows, RNG.normal(size=len(NOW)) + shift, asked) for shift in (0, 1))
    assert (still.evidence.alarm, moved.evidence.alarm, moved.evidence.what) == (False, True, "middle")


def test_more_columns_ask_more_of_each():
    one = looked(BEFORE, NOW).evidence.threshold
    many = drift_of(
        pd.DataFrame(dict.fromkeys("abcdefghij", BEFORE)), pd.DataFrame(dict.fromkeys("abcdefghij", NOW)), ASKED
    )
    assert {round(found.evidence.threshold - one, 9) for found in many} == {1.0}
