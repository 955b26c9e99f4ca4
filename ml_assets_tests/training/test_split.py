from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import UnusableSplit
from ml_assets.problem import EntityHash, FeatureTable, RollingWindow
from ml_assets.training.split import PURGED, TEST, TRAIN, UNLABELLED, VALIDATION, assign_roles, rows_of, training_data
from ml_assets_tests.doubles import ice_cream, umbrellas

END = datetime(2024, 4, 1, tzinfo=UTC)  # so with 7 + 7 days the test begins on 25 March, validation on 18 March
TIMED = dataclasses.replace(
    umbrellas.PROBLEM, label_time="known", split=RollingWindow(3, test_days=7, validation_days=7)
)
PARTS = {TRAIN, VALIDATION, TEST, PURGED, UNLABELLED}


def rows_at(*times: str, known: list[str] | None = None, label: list[float] | None = None) -> FeatureTable:
    at = pd.to_datetime(list(times), utc=True, format="ISO8601")
    keys = pd.DataFrame({"visit": [f"v{n}" for n in range(len(at))], "at": at})
    if known is not None:
        keys["known"] = pd.to_datetime(known, utc=True, format="ISO8601")
    labels = np.array(label if label is not None else [1.0] * len(at))
    return FeatureTable(keys, pd.DataFrame({"x": np.arange(len(at))}), labels)


def entities(names: list[str]) -> FeatureTable:
    return FeatureTable(pd.DataFrame({"day": names}), pd.DataFrame({"x": np.arange(len(names))}), np.ones(len(names)))


def hash_roles(names: list[str], split: EntityHash) -> list[str]:
    problem = dataclasses.replace(ice_cream.PROBLEM, split=split)
    return list(assign_roles(problem, entities(names), None)["role"])


def test_the_newest_days_judge_and_the_days_before_them_choose():
    times = ("2024-02-01", "2024-03-17T23:59:59", "2024-03-18", "2024-03-24T23:59:59", "2024-03-25", "2024-03-31")
    roles = assign_roles(umbrellas.PROBLEM, rows_at(*times), END)
    assert list(roles["role"]) == [TRAIN, TRAIN, VALIDATION, VALIDATION, TEST, TEST]
    assert list(roles.columns) == ["entity", "role", "event_time"]
    assert list(roles["entity"]) == [f"v{n}" for n in range(6)]


def test_rows_whose_label_was_not_yet_known_when_the_next_part_begins_are_purged():
    table = rows_at(
        *["2024-03-17", "2024-03-17", "2024-03-24", "2024-03-24", "2024-03-31"],
        known=["2024-03-17T23:59", "2024-03-18", "2024-03-24T23:59", "2024-03-25", "2024-05-01"],
    )
    assert list(assign_roles(TIMED, table, END)["role"]) == [TRAIN, PURGED, VALIDATION, PURGED, TEST]


def test_rows_without_label_take_no_part():
    times = ("2024-02-01", "2024-02-01", "2024-03-20", "2024-03-20", "2024-03-30", "2024-03-30")
    roles = assign_roles(umbrellas.PROBLEM, rows_at(*times, label=[0, np.nan, 1, np.nan, 0, np.nan]), END)
    assert list(roles["role"]) == [TRAIN, UNLABELLED, VALIDATION, UNLABELLED, TEST, UNLABELLED]


@given(
    days=st.lists(st.integers(0, 90), min_size=1, max_size=30),
    delays=st.lists(st.integers(0, 20), min_size=33, max_size=33),
    unlabelled=st.lists(st.booleans(), min_size=33, max_size=33),
)
def test_the_parts_follow_each_other_in_time_whatever_the_rows(days, delays, unlabelled):
    at = [pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=d) for d in [*days, 0, 80, 90]]
    label = [np.nan if missing else 1.0 for missing in unlabelled[: len(days)]] + [1.0] * 3
    known = [time + pd.Timedelta(days=d) for time, d in zip(at, [*delays[: len(days)], 0, 0, 0], strict=True)]
    table = rows_at(*map(str, at), known=list(map(str, known)), label=label)
    roles = assign_roles(TIMED, table, END)
    times = roles["event_time"].groupby(roles["role"])
    assert set(roles["role"]) <= PARTS
    assert len(roles) == len(table)
    assert times.max()[TRAIN] < times.min()[VALIDATION]
    assert times.max()[VALIDATION] < times.min()[TEST]
    assert table.keys["known"][roles["role"] == TRAIN].max() < pd.Timestamp("2024-03-18", tz="UTC")


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


def test_a_window_without_rows_to_judge_is_refused_with_the_counts():
    with pytest.raises(UnusableSplit) as refused:
        assign_roles(umbrellas.PROBLEM, rows_at("2024-02-01", "2024-02-02", "2024-03-20"), END)
    assert str(refused.value) == (
        "umbrellas: 2 rows to fit, 1 to choose, 0 to judge, of 3 in the window. "
        "Each part needs rows: check that the window's data landed whole, or change split."
    )


def test_training_is_given_exactly_the_rows_to_fit_and_to_choose():
    table = rows_at("2024-03-30", "2024-02-01", "2024-03-20", "2024-02-02")
    roles = assign_roles(umbrellas.PROBLEM, table, END)
    data = training_data(table, roles)
    assert list(data.train.features["x"]) == [1, 3]
    assert list(data.validation.features["x"]) == [2]
    assert list(rows_of(table, roles, TEST).features["x"]) == [0]
