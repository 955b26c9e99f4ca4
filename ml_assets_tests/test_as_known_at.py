"""A row is joined with what was known when its question was asked: nothing that becomes known later changes it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ml_assets.errors import InvalidProblem
from ml_assets.feature_group import as_known_at

NOON = pd.Timestamp("2024-01-01 12:00", tz="UTC")


def rows(*asked: tuple[str, object]) -> pd.DataFrame:
    times = pd.to_datetime(pd.Series([at for _, at in asked]), utc=True)
    return pd.DataFrame({"place": [place for place, _ in asked], "asked": times})


def facts(*told: tuple[str, object, float]) -> pd.DataFrame:
    since = pd.to_datetime(pd.Series([at for _, at, _ in told]), utc=True).dt.as_unit("ns")
    return pd.DataFrame({"place": [p for p, _, _ in told], "since": since, "rain": [value for *_, value in told]})


def joined(left: pd.DataFrame, right: pd.DataFrame, **how) -> pd.DataFrame:
    return as_known_at(left, right, by="place", at="asked", known="since", **how)


def hours(number: float) -> pd.Timestamp:
    return NOON + pd.Timedelta(hours=number)


@st.composite
def questions_and_facts(draw: DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    place, hour = st.sampled_from(["a", "b", None]), st.integers(-3, 3) | st.none()
    asked = draw(st.lists(st.tuples(place, hour), min_size=1, max_size=8))
    told = draw(st.lists(st.tuples(place, hour, st.floats(0, 9)), max_size=12))
    as_time = lambda at: pd.NaT if at is None else hours(at)  # noqa: E731
    return rows(*((p, as_time(at)) for p, at in asked)), facts(*((p, as_time(at), v) for p, at, v in told))


@given(questions_and_facts())
@settings(max_examples=100, deadline=None)
def test_each_row_has_the_newest_fact_that_was_known_as_a_loop_finds_it(given_):
    asked, told = given_
    found = joined(asked, told)
    for at, row in asked.iterrows():
        known = told[(told["place"] == row["place"]) & (told["since"] <= row["asked"])]
        newest = known.sort_values("since", kind="stable")["rain"]
        expected = newest.iloc[-1] if len(newest) else np.nan
        assert found["rain"][at] == expected or (np.isnan(found["rain"][at]) and np.isnan(expected))


@given(questions_and_facts(), st.integers(-3, 3), st.data())
@settings(max_examples=100, deadline=None)
def test_facts_that_become_known_later_may_be_moved_changed_added_or_dropped_and_change_nothing(given_, hour, data):
    asked, told = given_
    now = hours(hour)
    before = asked[asked["asked"] <= now]
    later = told["since"] > now
    moved = data.draw(st.sampled_from(["dropped", "changed", "later"]))
    changed = told.copy()
    if moved == "changed":
        changed.loc[later, ["place", "rain"]] = ["a", 99.0]
    elif moved == "later":
        changed.loc[later, "since"] += pd.Timedelta(days=1)
    else:
        changed = changed[~later]
    changed = pd.concat([facts(("a", now + pd.Timedelta(1, "ns"), 77.0)), changed]).sample(frac=1, random_state=0)
    changed = changed.sort_index(kind="stable")  # of facts known at one moment the last counts: their order stays
    pd.testing.assert_frame_equal(joined(before, told), joined(before, changed), check_dtype=False)


def test_a_fact_known_at_the_very_moment_counts_and_one_a_nanosecond_later_does_not():
    told = facts(("a", hours(0), 1.0), ("a", hours(0) + pd.Timedelta(1, "ns"), 2.0))
    found = joined(rows(("a", NOON)).assign(asked=lambda r: r["asked"].dt.as_unit("s")), told)
    assert found["rain"].tolist() == [1.0]


def test_of_facts_known_at_one_moment_the_last_counts():
    told = facts(("a", hours(-1), 1.0), ("a", hours(-1), 2.0), ("b", hours(-1), 3.0))
    assert joined(rows(("a", NOON)), told)["rain"].tolist() == [2.0]
    assert joined(rows(("a", NOON)), told.iloc[::-1])["rain"].tolist() == [1.0]


def test_rows_keep_their_order_and_their_index_though_labels_repeat():
    left = rows(("b", hours(2)), ("a", hours(1)), ("a", pd.NaT)).set_axis([7, 3, 7])
    found = joined(left, facts(("a", hours(0), 1.0), ("b", hours(0), 2.0)))
    assert found.index.tolist() == [7, 3, 7]
    assert found["rain"].tolist()[:2] == [2.0, 1.0]
    assert np.isnan(found["rain"].iloc[2])
    pd.testing.assert_frame_equal(found[list(left)], left)


def test_facts_about_nothing_or_of_no_time_count_for_nobody():
    told = facts((None, hours(-1), 1.0), ("a", pd.NaT, 2.0))
    assert joined(rows((None, NOON), ("a", NOON)), told)["rain"].isna().all()


def test_facts_that_are_too_old_do_not_count():
    told = facts(("a", hours(-6), 1.0), ("b", hours(-7), 2.0))
    found = joined(rows(("a", NOON), ("b", NOON)), told, within=pd.Timedelta(hours=6))
    assert found["rain"].iloc[0] == 1.0
    assert found[["rain", "since"]].iloc[1].isna().all()


def test_instants_are_compared_in_whatever_zone_and_type_they_are():
    told = facts(("a", hours(-1), 1.0))
    told["since"] = told["since"].dt.tz_convert("America/New_York")
    left = rows(("a", NOON)).astype({"asked": "timestamp[us, tz=Asia/Tokyo][pyarrow]"})
    assert joined(left, told)["rain"].tolist() == [1.0]


def test_names_may_be_text_in_one_and_categories_in_the_other_and_several():
    told = facts(("a", hours(-1), 1.0), ("b", hours(-1), 2.0)).assign(kind=1).astype({"place": "category"})
    left = rows(("b", NOON), ("c", NOON)).assign(kind=1)
    found = as_known_at(left, told, by=["place", "kind"], at="asked", known="since")
    assert found["rain"].iloc[0] == 2.0
    assert np.isnan(found["rain"].iloc[1])


def test_large_whole_numbers_and_booleans_keep_their_bits_where_a_row_lacks_a_fact():
    told = facts(("a", hours(-1), 0.0)).assign(number=np.array([2**63 + 1], "uint64"), wet=True, small=np.int8(1))
    found = joined(rows(("a", NOON), ("b", NOON)), told)
    assert found["number"].iloc[0] == 2**63 + 1
    assert [str(found[name].dtype) for name in ("number", "wet", "small")] == ["UInt64", "boolean", "Int8"]
    assert joined(rows(("a", NOON)), told).dtypes.equals(found.dtypes), "whether or not one lacks a fact"


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (rows(("a", NOON)).drop(columns="asked"), facts(), "rows have no column 'asked'"),
        (rows(("a", NOON)), facts().drop(columns="place"), "facts have no column 'place'"),
        (rows(("a", NOON)).assign(rain=1.0), facts(), "both have a column 'rain', which is not among by: rename it"),
        (rows(("a", NOON)).assign(asked=pd.Timestamp("2024-01-01")), facts(), "no time with a zone: convert it"),
    ],
)
def test_what_cannot_be_joined_is_said(left, right, said):
    with pytest.raises(InvalidProblem, match="as_known_at cannot join these") as refused:
        joined(left, right)
    assert said in str(refused.value)
