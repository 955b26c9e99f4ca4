from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.evaluation.checks import (
    both_classes_present,
    groups_apart,
    no_row_twice,
    split_disjoint,
    window_complete,
)

DAYS = pd.date_range("2013-01-01", periods=6, freq="D", tz="UTC")
SPLIT = pd.DataFrame(
    {
        "entity": list("abcdef"),
        "event_time": DAYS,
        "role": ["train", "train", "purged", "validation", "test", "test"],
    }
)


def test_parts_that_follow_each_other_pass():
    found = split_disjoint(SPLIT, ordered_in_time=True)
    assert found.passed
    assert found.description == "No row has two roles: 2 train, 1 validation, 2 test, in the order of time."


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"role": ["train", "test", "purged", "validation", "train", "test"]},
            "train ends 2013-01-05 00:00:00+00:00, not",
        ),
        (
            {"event_time": [*DAYS[:4], DAYS[3], DAYS[5]]},
            "validation ends 2013-01-04 00:00:00+00:00, not before test begins",
        ),
        (
            {"entity": list("abcdaf"), "event_time": [*DAYS[:4], DAYS[0], DAYS[5]]},
            "1 rows have two roles, such as entity a",
        ),
    ],
    ids=["shuffled", "touching", "in two roles"],
)
def test_parts_that_overlap_are_refused_with_where(changes, words):
    found = split_disjoint(SPLIT.assign(**changes), ordered_in_time=True)
    assert (found.name, found.passed, found.blocking) == ("disjoint", False, True)
    assert words in found.description


def test_an_entity_may_come_again_later_where_time_divides():
    assert split_disjoint(SPLIT.assign(entity="a"), ordered_in_time=True).passed


def test_an_entity_keeps_to_one_role_where_entities_divide():
    roles = SPLIT.drop(columns="event_time")
    assert split_disjoint(roles, ordered_in_time=False).passed
    again = split_disjoint(roles.assign(entity=list("abcdea")), ordered_in_time=False)
    assert not again.passed
    assert "1 rows have two roles, such as entity a" in again.description


@pytest.mark.parametrize(
    ("task", "train", "test", "fault"),
    [
        ("binary", [0, 1], [1, 0, np.nan], ""),
        ("binary", [0, 1], [1, 1], "test has no row with label 0"),
        ("binary", [0, 0], [1, 0], "train has no row with label 1"),
        ("binary", [0, 1], [np.nan], "test has no labelled row"),
        ("multiclass", [0, 1, 2], [2], ""),
        ("multiclass", [0, 1, 2], [2, 3], "test has labels that training lacks: 3"),
        ("regression", [0.5], [2.5], ""),
        ("regression", [0.5], [], "test has no labelled row"),
    ],
)
def test_each_part_has_the_labels_it_needs(task, train, test, fault):
    found = both_classes_present({"train": np.array(train, float), "test": np.array(test, float)}, task)
    assert (found.name, found.passed, found.blocking) == ("classes", not fault, True)
    assert fault in found.description


def test_the_labels_of_each_part_are_counted():
    found = both_classes_present({"train": np.array([0, 1, 1, np.nan])}, "binary")
    assert found.metadata == {"train": {"rows": 4, "labels": {"0": 1, "1": 2}}}


def test_a_short_window_is_told_and_does_not_block():
    short, whole = window_complete(["2013-01", "2013-02"], 3), window_complete(["2013-01"], 1)
    assert (short.name, short.passed, short.blocking) == ("window_complete", False, False)
    assert (
        short.description
        == "The window has 2 of 3 partitions: 2013-01, 2013-02. Before the first there is no data: its model is fitted on less."
    )
    assert whole.passed


AGAIN = np.array([True, True, False, False, False, False])
LANDED_AGAIN = SPLIT.assign(entity=list("abcabd"), event_time=[*DAYS[:3], *DAYS[:2], DAYS[5]])
ROWS = {"2013-01": 3, "2013-02": 2, "2013-03": 1}


def test_rows_that_landed_with_two_partitions_are_refused_with_both():
    found = no_row_twice(LANDED_AGAIN, AGAIN, ROWS, newest=False)
    assert (found.name, found.passed, found.blocking) == ("once", False, True)
    assert found.description == (
        "2 rows landed again with a later partition, such as a at 2013-01-01 00:00:00+00:00 in 2013-01 and 2013-02: each "
        "would count as often as it landed, with the labels of each time. Land every row once, or let the newest count: "
        'duplicates="newest".'
    )


@pytest.mark.parametrize(
    ("again", "newest", "said"),
    [
        (np.zeros(6, dtype=bool), False, "No row of the window occurs twice."),
        (np.zeros(6, dtype=bool), True, "No row of the window occurs twice."),
        (AGAIN, True, "The newest of 2 rows that landed again counts."),
    ],
    ids=["once", "once, of a problem that lets the newest count", "the newest counts"],
)
def test_rows_that_count_once_pass(again, newest, said):
    found = no_row_twice(LANDED_AGAIN, again, ROWS, newest=newest)
    assert (found.passed, found.description) == (True, said)


@pytest.mark.parametrize(("whole", "passed"), [(False, True), (True, False)])
def test_how_many_groups_are_on_both_sides_is_said_and_refused_where_they_are_to_be_whole(whole, passed):
    group, role = pd.Series(["a", "a", "b", "c", None]), pd.Series(["train", "test", "test", "train", "test"])
    found = groups_apart(group, role, whole=whole)
    assert (found.passed, found.blocking) == (passed, True)
    assert found.description.startswith("1 of the 2 groups that judge were trained on as well.")
    assert found.metadata == {"fit": 2, "judge": 2, "both": 1}
