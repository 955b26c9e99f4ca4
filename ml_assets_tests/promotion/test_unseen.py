from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ml_assets.problem import FeatureTable
from ml_assets.promotion.unseen import is_also_in, is_seen
from ml_assets_tests.doubles.ice_cream import PROBLEM as BEACHES
from ml_assets_tests.doubles.umbrellas import PROBLEM

DAYS = pd.date_range("2024-01-01", periods=4, tz="UTC")


def rows(entities: list[str], days: list[int]) -> FeatureTable:
    keys = pd.DataFrame({"visit": entities, "at": DAYS[days]})
    return FeatureTable(keys, pd.DataFrame(index=keys.index), np.zeros(len(keys)))


ROLES = pd.DataFrame(
    {
        "entity": ["a", "b", "c", "d", "a"],
        "event_time": DAYS[[0, 1, 2, 3, 1]],
        "role": ["train", "validation", "test", "purged", "unlabelled"],
    }
)


def test_a_model_has_seen_what_it_was_fitted_on_and_what_it_was_chosen_by():
    judging = rows(["a", "b", "c", "d", "e"], [0, 1, 2, 3, 0])
    assert is_seen(PROBLEM, ROLES, judging).tolist() == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("problem", "seen"),
    [(PROBLEM, False), (dataclasses.replace(BEACHES, entity="visit"), True)],
    ids=["event time", "no event time"],
)
def test_an_entity_at_another_time_is_another_row_where_there_is_an_event_time(problem, seen):
    assert is_seen(problem, ROLES, rows(["a"], [3])).tolist() == [seen]


def test_rows_keep_their_order_and_number_however_often_they_are_known():
    judging = rows(["e", "a", "a", "b"], [0, 0, 0, 1])
    twice = rows(["a", "a", "b"], [0, 0, 2])
    assert is_also_in(PROBLEM, judging, twice).tolist() == [False, True, True, False]


@pytest.mark.parametrize("slice_", ["entity", "event_time", "role"])
def test_a_slice_called_as_what_tells_rows_apart_in_splits_is_not_taken_for_it(slice_):
    judging = rows(["a", "b", "e"], [0, 1, 0])
    judging.keys[slice_] = "north"
    assert is_seen(PROBLEM, ROLES, judging).tolist() == [True, True, False]
    assert is_also_in(PROBLEM, judging, judging).tolist() == [True, True, True]


def test_the_event_time_may_be_the_entity():
    problem = dataclasses.replace(PROBLEM, entity="at")
    roles = ROLES.assign(entity=ROLES["event_time"])
    assert is_seen(problem, roles, rows(["a", "b"], [0, 3])).tolist() == [True, False]
