from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import UnusableSplit
from ml_assets.problem import Daily, EntityHash, FeatureTable, Grid, Hourly, Monthly, Problem, RollingWindow, Static
from ml_assets.training.split import (
    EARLIER,
    LEFT_OUT,
    OTHER_SIDE,
    OUTSIDE,
    PARTS,
    PURGED,
    SUPERSEDED,
    TEST,
    TRAIN,
    UNDATED,
    UNLABELLED,
    VALIDATION,
    accounted,
    assign_roles,
    awaited_parts,
    counts_of,
    landed_again,
    refuse_empty_parts,
    rows_of,
    training_data,
)
from ml_assets_tests.doubles import ice_cream, umbrellas

WINDOW = ("2024-01", "2024-02", "2024-03")  # so with 7 + 7 days the test begins on 25 March, validation on 18 March
ENDS = np.array(["2024-02-01", "2024-03-01", "2024-04-01"])
BEGIN, FIRST, LAST = (pd.Timestamp(day, tz="UTC") for day in ("2024-01-01", "1900-01-01", "2100-01-01"))
TIMED = replace(umbrellas.PROBLEM, label_time="known", split=RollingWindow(3, test_days=7, validation_days=7))


def rows_at(*times: str | None, known: Sequence[str | None] = (), label: Sequence[float] = ()) -> FeatureTable:
    at = instants(times)
    keys = pd.DataFrame({"visit": [f"v{n}" for n in range(len(at))], "at": at})
    if known:
        keys["known"] = instants(known)
    labels = np.array(label or [1.0] * len(at))
    return FeatureTable(keys, pd.DataFrame({"x": np.arange(len(at))}), labels)


def instants(times: Sequence[str | None]) -> pd.DatetimeIndex:
    return pd.to_datetime(list(times), utc=True, format="ISO8601")


def landed(table: FeatureTable) -> dict[str, int]:
    """How many rows each month of the window has: each row landed with its month, in order of time."""
    months = table.keys["at"].dt.strftime("%Y-%m")
    assert months.is_monotonic_increasing
    return {month: int((months == month).sum()) for month in WINDOW}


def roles_of(problem: Problem, table: FeatureTable, **rows: int) -> list[str]:
    """Their roles, where they landed with the months of their times, or as many as given with January, February and March."""
    given = dict(zip(WINDOW, (rows[name] for name in ("january", "february", "march")), strict=True)) if rows else None
    return list(assign_roles(problem, table, given or landed(table))["role"])


def entities(names: list[str]) -> FeatureTable:
    return FeatureTable(pd.DataFrame({"day": names}), pd.DataFrame({"x": np.arange(len(names))}), np.ones(len(names)))


def hash_roles(names: list[str], split: EntityHash) -> list[str]:
    problem = replace(ice_cream.PROBLEM, split=split)
    return list(assign_roles(problem, entities(names), {ice_cream.BEACHES[0]: len(names)})["role"])


def test_the_newest_days_judge_and_the_days_before_them_choose():
    times = ("2024-02-01", "2024-03-17T23:59:59", "2024-03-18", "2024-03-24T23:59:59", "2024-03-25", "2024-03-31")
    table = rows_at(*times)
    roles = assign_roles(umbrellas.PROBLEM, table, landed(table))
    assert list(roles["role"]) == [TRAIN, TRAIN, VALIDATION, VALIDATION, TEST, TEST]
    assert list(roles.columns) == ["entity", "role", "event_time"]
    assert list(roles["entity"]) == [f"v{n}" for n in range(6)]


def test_rows_whose_label_was_not_yet_known_when_the_next_part_begins_are_purged():
    table = rows_at(
        *["2024-03-17", "2024-03-17", "2024-03-24", "2024-03-24", "2024-03-31"],
        known=["2024-03-17T23:59", "2024-03-18", "2024-03-24T23:59", "2024-03-25", "2024-05-01"],
    )
    assert roles_of(TIMED, table) == [TRAIN, PURGED, VALIDATION, PURGED, TEST]


def test_rows_without_label_take_no_part():
    times = ("2024-02-01", "2024-02-01", "2024-03-20", "2024-03-20", "2024-03-30", "2024-03-30")
    table = rows_at(*times, label=[0, np.nan, 1, np.nan, 0, np.nan])
    assert roles_of(umbrellas.PROBLEM, table) == [TRAIN, UNLABELLED, VALIDATION, UNLABELLED, TEST, UNLABELLED]


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(-20, 120)),  # days since the window began
            st.one_of(st.none(), st.integers(0, 20)),  # days until the label is known
            st.booleans(),  # whether there is a label
            st.integers(0, 9),  # who
        ),
        max_size=30,
    ),
    cuts=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    newest=st.booleans(),
)
def test_every_row_has_one_role_and_the_parts_follow_each_other_whatever_the_rows(rows, cuts, newest):
    rows = [*rows, (0, 0, True, 10), (80, 0, True, 11), (90, 0, True, 12)]
    first, second = sorted(min(cut, len(rows) - 3) for cut in cuts)
    at = [None if day is None else str(BEGIN + pd.Timedelta(days=day)) for day, *_ in rows]
    known = [None if None in (day, d) else str(BEGIN + pd.Timedelta(days=day + d)) for day, d, *_ in rows]
    table = rows_at(*at, known=known, label=[1.0 if there else np.nan for _, _, there, _ in rows])
    table.keys["visit"] = [who for *_, who in rows]
    sizes = dict(zip(WINDOW, (first, second - first, len(rows) - second), strict=True))

    roles = assign_roles(replace(TIMED, duplicates="newest" if newest else "refuse"), table, sizes)

    used, ends = roles[roles["role"].isin(PARTS)], np.repeat(ENDS, list(sizes.values()))
    assert sum(counts_of(roles).values()) == len(roles) == len(table)
    assert set(roles["role"]) <= {*PARTS, *LEFT_OUT}
    times = used["event_time"].groupby(used["role"])
    for earlier, later in ((TRAIN, VALIDATION), (VALIDATION, TEST)):
        assert times.max().get(earlier, FIRST) < times.min().get(later, LAST)
    assert not np.isnan(table.label[used.index]).any()
    assert (used["event_time"] < pd.DatetimeIndex(ends[used.index], tz="UTC")).all(), (
        "nothing is of a time after its partition"
    )
    assert (table.keys["known"][roles["role"] == TRAIN] < pd.Timestamp("2024-03-18", tz="UTC")).all()
    assert not (newest and used.duplicated(["entity", "event_time"]).any())


def test_an_entity_has_the_same_role_in_every_partition_and_for_ever():
    names = [f"entity {n}" for n in range(200)]
    first = dict(zip(names, hash_roles(names, EntityHash()), strict=True))
    others = [*names[::-2], *(f"newcomer {n}" for n in range(500))]
    again = dict(zip(others, hash_roles(others, EntityHash()), strict=True))
    assert all(again[name] == first[name] for name in names[::-2])
    # Written down: a change of the hash would move rows that judged models into the training of the next.
    assert [first[f"entity {n}"] for n in (0, 1, 5, 7, 18)] == [TEST, TRAIN, TEST, TEST, VALIDATION]


def test_hashed_parts_have_about_the_sizes_that_were_asked_for():
    roles = hash_roles([f"{n}" for n in range(10_000)], EntityHash(test_fraction=0.2, validation_fraction=0.1))
    found = {part: roles.count(part) / len(roles) for part in (TEST, VALIDATION, TRAIN)}
    assert found == {TEST: pytest.approx(0.2, abs=0.02), VALIDATION: pytest.approx(0.1, abs=0.02), TRAIN: found[TRAIN]}
    assert sum(found.values()) == pytest.approx(1)


def test_a_larger_test_keeps_the_entities_that_judged_before():
    names = [f"{n}" for n in range(300)]
    small, large = (hash_roles(names, EntityHash(test_fraction=f)) for f in (0.2, 0.4))
    assert all(after == TEST for before, after in zip(small, large, strict=True) if before == TEST)


def test_a_window_without_rows_to_judge_is_refused_with_what_became_of_the_others():
    table = rows_at("2024-02-01", "2024-02-02", "2024-03-20", "2024-03-30", label=[1.0, 1.0, 1.0, np.nan])
    counts = counts_of(assign_roles(umbrellas.PROBLEM, table, landed(table)))
    with pytest.raises(UnusableSplit) as refused:
        refuse_empty_parts(umbrellas.PROBLEM, counts)
    assert str(refused.value) == (
        "umbrellas: 2 rows to fit, 1 to choose, 0 to judge, of 4 in the window (1 unlabelled). "
        "Each part needs rows: check that the window's data landed whole, or change split."
    )


def test_a_window_with_rows_for_every_part_is_not_refused():
    refuse_empty_parts(umbrellas.PROBLEM, {TRAIN: 1, VALIDATION: 1, TEST: 1, UNLABELLED: 5})


def test_training_is_given_exactly_the_rows_to_fit_and_to_choose():
    table = rows_at("2024-02-01", "2024-02-02", "2024-03-30", "2024-03-20")
    roles = assign_roles(umbrellas.PROBLEM, table, {"2024-01": 0, "2024-02": 2, "2024-03": 2})
    data = training_data(table, roles)
    assert list(data.train.features["x"]) == [0, 1]
    assert list(data.validation.features["x"]) == [3]
    assert list(rows_of(table, roles, TEST).features["x"]) == [2]


# ---------------------------------------------------------------- rows that take no part for when they were


@pytest.mark.parametrize("known", [None, "2024-03-18", "9999-12-31"], ids=["nobody says when", "then", "never"])
def test_a_label_that_does_not_say_since_when_it_is_known_neither_fits_nor_chooses_and_may_judge(known):
    table = rows_at(*["2024-02-01", "2024-03-18", "2024-03-30"] * 1, known=[known, None, None])
    assert roles_of(TIMED, table) == [PURGED, PURGED, TEST]


def test_a_row_that_does_not_say_when_it_was_takes_no_part():
    table = rows_at("2024-01-10", None, "2024-03-20", None, "2024-03-30", known=["2024-01-11"] * 5)
    assert roles_of(TIMED, table, january=2, february=0, march=3) == [TRAIN, UNDATED, VALIDATION, UNDATED, TEST]


OUTSIDE_ROWS = {
    "a minute before its month": ("2024-02-29T23:59", OUTSIDE),
    "at the beginning of its month": ("2024-03-01", TRAIN),
    "at the end of its month": ("2024-04-01", OUTSIDE),
    "a moment before the end of its month": ("2024-03-31T23:59:59.999999", TEST),
    "in another time zone": ("2024-03-31T23:00:00-05:00", OUTSIDE),
    "in the year 1970": ("1970-01-01", OUTSIDE),
    "in the year 9999": ("9999-12-31", OUTSIDE),
}


@pytest.mark.parametrize(("at", "role"), OUTSIDE_ROWS.values(), ids=OUTSIDE_ROWS)
@pytest.mark.parametrize("label", [1.0, np.nan], ids=["labelled", "unlabelled"])
def test_a_row_that_is_dated_outside_of_its_partition_takes_no_part(at, role, label):
    expected = role if role == OUTSIDE or label == 1.0 else UNLABELLED
    assert roles_of(umbrellas.PROBLEM, rows_at(at, label=[label]), january=0, february=0, march=1) == [expected]


def test_a_partition_that_is_cut_by_another_clock_holds_what_that_clock_shows():
    new_york = replace(umbrellas.PROBLEM, partitions=Monthly("2024-01", zone="America/New_York"))
    late = rows_at("2024-03-31T23:00:00-04:00", "2024-04-01T00:00:00-04:00")
    assert roles_of(new_york, late, january=0, february=0, march=2) == [TEST, OUTSIDE]


@pytest.mark.parametrize("day", ["2024-03-10", "2024-11-03"], ids=["of 23 hours", "of 25 hours"])
def test_a_part_begins_at_midnight_by_the_clock_of_the_partitions(day):
    days = Daily("2024-03-01", zone="America/New_York")
    problem = replace(umbrellas.PROBLEM, partitions=days, split=SIX_DAYS, files=())
    table = rows_at(*(str(days.partition(day).start + timedelta(seconds=late)) for late in (-1, 0)))
    before = days.previous(day)
    assert list(assign_roles(problem, table, {before: 1, day: 1})["role"]) == [VALIDATION, TEST]


@pytest.mark.parametrize(
    ("partitions", "rows", "expected"),
    [
        (Monthly("2024-01"), {"2024-01": 3}, ["used", OUTSIDE, UNDATED]),
        (Daily("2024-01-01"), {"2024-01-31": 3}, ["used", OUTSIDE, UNDATED]),
        (Grid(Daily("2024-01-01"), by="shop", values=("east",)), {"2024-01-31|east": 3}, ["used", OUTSIDE, UNDATED]),
        (Static(("north",)), {"north": 3}, ["used"] * 3),
    ],
    ids=["months", "days", "days by shop", "no spans of time"],
)
def test_rows_that_are_split_by_a_hash_are_of_their_partitions_time_too(partitions, rows, expected):
    problem = replace(umbrellas.PROBLEM, split=EntityHash(), partitions=partitions, lookback=0, files=())
    found = list(assign_roles(problem, rows_at("2024-01-31", "2024-02-01", None), rows)["role"])
    assert ["used" if role in PARTS else role for role in found] == expected


def overlapping() -> FeatureTable:
    """January landed v0 and v1; February restates v1 and brings v2; March restates v1 (of January) and v2, and brings v3."""
    times = ["2024-01-05", "2024-01-06", "2024-01-06", "2024-02-07", "2024-01-06", "2024-02-07", "2024-03-30"]
    table = rows_at(*times, label=[0.0, 0.0, 0.0, np.nan, 1.0, 1.0, 1.0])
    table.keys["visit"] = ["v0", "v1", "v1", "v2", "v1", "v2", "v3"]
    return table


def test_of_a_row_that_landed_again_the_newest_counts_where_the_problem_says_so():
    found = roles_of(replace(umbrellas.PROBLEM, duplicates="newest"), overlapping(), january=2, february=2, march=3)
    assert found == [TRAIN, SUPERSEDED, SUPERSEDED, SUPERSEDED, TRAIN, TRAIN, TEST]


def test_else_every_row_that_landed_again_is_found():
    again = landed_again(umbrellas.PROBLEM, overlapping().keys)
    assert list(again) == [False, True, True, True, False, False, False]
    found = roles_of(umbrellas.PROBLEM, overlapping(), january=2, february=2, march=3)
    assert found == [TRAIN, TRAIN, OUTSIDE, UNLABELLED, OUTSIDE, OUTSIDE, TEST]


def test_the_same_entity_at_another_time_is_another_row_and_one_that_is_not_dated_none_that_landed_again():
    table = rows_at("2024-01-05", None, "2024-02-05", None)
    table.keys["visit"] = "v"
    assert not landed_again(umbrellas.PROBLEM, table.keys).any()


def test_history_from_before_the_window_takes_no_part_and_neither_does_the_future():
    newest = replace(umbrellas.PROBLEM, duplicates="newest")
    table = rows_at("2023-12-31", "2024-02-01", "2024-02-10", "2024-03-01")
    assert roles_of(newest, table, january=2, february=2, march=0) == [OUTSIDE, OUTSIDE, TRAIN, OUTSIDE]


def test_what_became_of_every_row_is_said_in_a_sentence():
    counts = counts_of(assign_roles(umbrellas.PROBLEM, overlapping(), {"2024-01": 2, "2024-02": 2, "2024-03": 3}))
    assert counts == {TRAIN: 2, VALIDATION: 0, TEST: 1, UNLABELLED: 1, OUTSIDE: 3}
    assert accounted(counts, 3) == (
        "7 rows of 3 partitions: 3 used (2 train, 0 validation, 1 test), 1 unlabelled (no label), "
        "3 outside (dated outside of their partition)."
    )


# ---------------------------------------------------------------- days that train


@pytest.mark.parametrize(
    ("at", "role"),
    [
        ("2024-02-01T00:00", EARLIER),
        ("2024-02-15T23:59:59", EARLIER),
        ("2024-02-16", TRAIN),
        ("2024-03-16T23:59", TRAIN),
        ("2024-03-17", VALIDATION),
        ("2024-03-31", TEST),
        ("2024-03-01", TRAIN),
        (None, UNDATED),
    ],
)
def test_of_a_window_that_is_given_in_days_older_rows_take_no_part(at, role):
    problem = replace(umbrellas.PROBLEM, split=RollingWindow(train_days=30, validation_days=8, test_days=7))
    rows = (
        {"january": 0, "february": 1, "march": 0} if str(at) < "2024-03" else {"january": 0, "february": 0, "march": 1}
    )
    assert problem.window == 2
    assert roles_of(problem, rows_at(at), **rows) == [role]


def test_what_is_older_is_accounted_for_whether_or_not_it_was_known_in_time():
    split = RollingWindow(train_days=30, validation_days=7, test_days=7)
    table = rows_at("2024-02-01", "2024-02-01", "2024-03-02", label=[1.0, np.nan, 1.0])
    table.keys["known"] = pd.to_datetime(["2024-04-01"] * 3, utc=True)
    roles = assign_roles(replace(TIMED, split=split), table, {"2024-02": 2, "2024-03": 1})
    assert list(roles["role"]) == [EARLIER, UNLABELLED, PURGED]
    assert "1 earlier (before the days that train)" in accounted(counts_of(roles), 2)


@settings(deadline=None)
@given(newest=st.integers(0, 47), days=st.integers(1, 400))
def test_a_window_that_is_given_in_days_is_long_enough_for_them_whatever_the_months(newest, days):
    months = Monthly("2010-01", "2018-01")
    split = RollingWindow(train_days=days, validation_days=7, test_days=7)
    problem = replace(umbrellas.PROBLEM, partitions=months, split=split)
    window = [months.partition(key) for key in months.window(months.keys()[newest + 48], problem.window)]
    assert window[0].start <= months.days_before(window[-1].end, split.days)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_hours_are_split_by_fractions_of_a_day_that_go_by_whatever_the_clock_shows(zone):
    hours = Hourly("2024-10-01T00", zone=zone)
    split = RollingWindow(train_days=0.25, validation_days=0.125, test_days=0.125)
    problem = replace(umbrellas.PROBLEM, partitions=hours, split=split, files=())
    window = hours.window(hours.window("2024-11-03T04", 1)[0], problem.window)
    rows = dict.fromkeys(window, 1)
    table = rows_at(*(str(hours.partition(key).start) for key in window))
    assert list(assign_roles(problem, table, rows)["role"]) == [EARLIER, *[TRAIN] * 6, *[VALIDATION] * 3, *[TEST] * 3]


# ---------------------------------------------------------------- the first partitions

DAYS = Daily("2024-01-01")
SIX_DAYS = RollingWindow(partitions=6, test_days=1, validation_days=1)


@pytest.mark.parametrize(
    ("partitions", "split", "newest", "parts"),
    [
        (DAYS, SIX_DAYS, "2024-01-01", {TRAIN, VALIDATION}),
        (DAYS, SIX_DAYS, "2024-01-02", {TRAIN}),
        (DAYS, SIX_DAYS, "2024-01-05", {TRAIN}),
        (DAYS, SIX_DAYS, "2024-01-06", set()),
        (DAYS, SIX_DAYS, "2024-02-01", set()),
        (DAYS, RollingWindow(21, 7, 7), "2024-01-06", {TRAIN, VALIDATION, TEST}),
        (DAYS, RollingWindow(21, 7, 7), "2024-01-07", {TRAIN, VALIDATION}),
        (DAYS, RollingWindow(21, 7, 7), "2024-01-14", {TRAIN}),
        (Monthly("2024-01"), RollingWindow(3, 7, 7), "2024-01", {TRAIN}),
        (Monthly("2024-01"), RollingWindow(1, 7, 7), "2024-01", set()),
        (Grid(DAYS, by="shop", values=("a",)), SIX_DAYS, "2024-01-01|a", {TRAIN, VALIDATION}),
        (Daily("2024-03-08", zone="America/New_York"), RollingWindow(6, 2, 1), "2024-03-10", {TRAIN}),
        (Monthly("2024-01"), RollingWindow(train_days=20), "2024-01", {TRAIN}),
        (Monthly("2024-01"), RollingWindow(train_days=20), "2024-02", set()),
        (Hourly("2024-01-01T00"), RollingWindow(None, 1, 1, train_days=1), "2024-01-02T00", {TRAIN, VALIDATION}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_time_will_bring_are_parts_of_which_days_lie_before_the_first_partition(partitions, split, newest, parts):
    problem = replace(umbrellas.PROBLEM, partitions=partitions, split=split, files=())
    rows = dict.fromkeys(partitions.window(newest, problem.window), 300)
    assert awaited_parts(problem, rows) == parts


@pytest.mark.parametrize(
    ("rows", "split", "parts"),
    [
        ([300, 300, 300, 300, 0, 300], SIX_DAYS, {VALIDATION}),
        ([300, 300, 300, 300, 3, 300], SIX_DAYS, set()),
        ([300, 300, 300, 300, 300, 0], SIX_DAYS, {TEST}),
        ([0, 0, 0, 0, 300, 300], SIX_DAYS, {TRAIN}),
        ([300, 0, 0, 0, 300, 300], SIX_DAYS, set()),
        ([0] * 6, SIX_DAYS, {TRAIN, VALIDATION, TEST}),
        ([300, 300, 300, 0, 0, 300], RollingWindow(6, 2, 1), {VALIDATION}),
        ([300] * 6, RollingWindow(6, 3, 3), set()),
        ([300] * 6, RollingWindow(6, 5, 5), set()),
    ],
    ids=[
        "closed before",
        "three rows",
        "closed",
        "none before",
        "once open",
        "all",
        "two days judge",
        "no room",
        "none",
    ],
)
def test_a_part_whose_days_were_closed_is_no_fault_and_a_window_without_room_for_all_parts_is(rows, split, parts):
    problem = replace(umbrellas.PROBLEM, partitions=DAYS, split=split, files=())
    assert awaited_parts(problem, dict(zip(DAYS.window("2024-01-31", 6), rows, strict=True))) == parts


# ---------------------------------------------------------------- groups


GROUPED = replace(umbrellas.PROBLEM, group="customer")


def of_customers(rows: int = 4_000) -> FeatureTable:
    """Visits of 80 customers over the window."""
    at = pd.date_range("2024-01-01", "2024-03-31", rows, tz="UTC")
    keys = pd.DataFrame({"visit": range(rows), "at": at, "customer": np.arange(rows) % 80})
    return FeatureTable(keys, pd.DataFrame({"x": np.arange(rows)}), np.arange(rows) % 2.0)


@pytest.mark.parametrize(
    "split", [EntityHash(whole_groups=True), RollingWindow(3, test_days=30, validation_days=30, whole_groups=True)]
)
def test_a_group_that_is_kept_whole_fits_chooses_or_judges_and_the_others_are_accounted_for(split):
    table = of_customers()
    roles = assign_roles(replace(GROUPED, split=split), table, landed(table))["role"]
    sides = {part: {*table.keys["customer"][roles == part]} for part in PARTS}
    assert all(sides.values())
    assert not sides[TRAIN] & sides[TEST]
    assert not sides[TRAIN] & sides[VALIDATION]
    assert not sides[VALIDATION] & sides[TEST]
    if isinstance(split, RollingWindow):
        assert (roles == OTHER_SIDE).any()
        assert (table.keys["at"][roles == TEST] >= pd.Timestamp("2024-03-02", tz="UTC")).all()


def test_a_group_keeps_its_side_in_every_partition():
    table, split = of_customers(), EntityHash(whole_groups=True)
    some = table.rows(table.keys["customer"].isin([3, 5, 7]).to_numpy())
    whole, part = (assign_roles(replace(GROUPED, split=split), of, landed(of)) for of in (table, some))
    assert part["role"].tolist() == whole["role"][table.keys["customer"].isin([3, 5, 7])].tolist()
