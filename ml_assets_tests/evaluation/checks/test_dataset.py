from __future__ import annotations

import json
from datetime import date

import numpy as np
import pandas as pd
import pyarrow
import pytest

from ml_assets.evaluation.checks import keys_there, labels_known, labels_valid, unique_entities


def test_what_is_said_is_short_however_long_the_values():
    frame = pd.DataFrame({"x": ["z" * 9_000] * 2})
    for found in (unique_entities(frame, "x"), labels_valid("binary", frame["x"])):
        assert not found.passed
        assert len(found.description) < 600
        assert len(json.dumps(found.metadata)) < 600
        assert "zzz…" in found.description


@pytest.mark.parametrize(
    ("entities", "passed", "words"),
    [
        (["a", "b", "c"], True, "Each of the 3 rows has its own 'id'."),
        (["a", "b", "a"], False, "2 rows share their 'id' with another, such as a."),
        (["a", None, None], False, "2 rows have no 'id'."),
        (["a", "a", None], False, "1 rows have no 'id'; 2 rows share their 'id' with another, such as a."),
    ],
    ids=["unique", "repeated", "missing", "both"],
)
def test_entities_are_unique_and_present(entities, passed, words):
    found = unique_entities(pd.DataFrame({"id": entities}), "id")
    assert (found.name, found.passed, found.blocking) == ("unique", passed, True)
    assert found.description.startswith(words)


@pytest.mark.parametrize(
    ("task", "label", "passed"),
    [
        ("binary", [0, 1, np.nan], True),
        ("binary", [True, False, True], True),
        ("binary", [0, 2], False),
        ("binary", ["yes", "no"], False),
        ("multiclass", [0, 7, np.nan], True),
        ("multiclass", [0.5, 1], False),
        ("multiclass", [-1, 1], False),
        ("regression", [-3.5, np.nan], True),
        ("regression", [np.inf, 1], False),
    ],
)
def test_labels_are_of_the_kind_that_the_task_needs(task, label, passed):
    found = labels_valid(task, pd.Series(label))
    assert (found.name, found.passed, found.blocking) == ("labels", passed, True)


def test_a_wrong_label_is_shown():
    found = labels_valid("binary", pd.Series([0, 1, 2, 2, np.nan]))
    assert found.description == "2 of 4 labels are not 0 or 1, such as 2.0. Mend the dataset function."


def test_without_any_label_none_is_wrong():
    found = labels_valid("binary", np.full(5, np.nan))
    assert (found.passed, found.blocking) == (True, True)
    assert found.description == "0 of 5 labels are known, and none is anything but 0 or 1."


@pytest.mark.parametrize(
    ("label", "passed", "words"),
    [
        ([np.nan, 1.0, np.nan], True, "1 of 3 labels are known."),
        ([np.nan, np.nan], False, "None of 2 rows has a label: they are scored, but train and judge nothing."),
        ([], False, "None of 0 rows has a label"),
    ],
)
def test_rows_without_any_label_are_told_and_never_block(label, passed, words):
    found = labels_known(np.array(label))
    assert (found.name, found.passed, found.blocking) == ("labelled", passed, False)
    assert found.description.startswith(words)


UTC = pd.to_datetime(["2024-01-01", None, "2024-01-03"], utc=True)
NAIVE = pd.to_datetime(["2024-01-01", None, "2024-01-03"])
KEYED = pd.DataFrame({"id": ["a", "b", "c"], "at": UTC, "known": UTC, "y": [0.0, 1.0, None]})


@pytest.mark.parametrize(
    "at",
    [
        UTC,
        UTC.tz_convert("America/New_York"),
        pd.array(UTC, dtype=pd.ArrowDtype(pyarrow.timestamp("us", tz="UTC"))),
    ],
    ids=["UTC", "another zone", "Arrow's"],
)
def test_times_with_a_zone_date_the_rows(at):
    found = keys_there(KEYED.assign(at=at), "id", "y", "at", "known")
    assert (found.name, found.passed, found.blocking) == ("keys", True, True)


@pytest.mark.parametrize("column", ["at", "known"])
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (NAIVE, "datetime64[us]"),
        (pd.array(NAIVE, dtype=pd.ArrowDtype(pyarrow.timestamp("us"))), "timestamp[us][pyarrow]"),
        (["2024-01-01", "2024-01-02", "2024-01-03"], "str"),
        ([date(2024, 1, 1)] * 3, "object"),
        ([20240101, 20240102, 20240103], "int64"),
    ],
    ids=["no zone", "no zone, Arrow's", "text", "dates", "numbers"],
)
def test_times_without_a_zone_are_named_with_their_type(column, values, kind):
    found = keys_there(KEYED.assign(**{column: values}), "id", "y", "at", "known")
    assert (found.passed, found.blocking) == (False, True)
    assert found.description == (
        f"Column {column!r} is {kind}, no time with a zone: write it in UTC where the file is made, or, if it is UTC, "
        f"convert it in the dataset function, pd.to_datetime(data['{column}'], utc=True)."
    )


@pytest.mark.parametrize("column", ["id", "at", "known", "y"])
def test_a_column_that_the_problem_names_and_the_data_lacks_is_named(column):
    found = keys_there(KEYED.drop(columns=column), "id", "y", "at", "known")
    assert not found.passed
    assert found.description == f"Column {column!r} is missing: return it from the dataset function, or name another."


def test_a_problem_without_times_needs_none():
    assert keys_there(KEYED[["id", "y"]], "id", "y").passed


@pytest.mark.parametrize(
    ("label", "classes", "passed"),
    [
        ([1, 3, np.nan], (1, 2, 3), True),
        ([-1, 1], (-1, 0, 1), True),
        ([0, 1], (1, 2, 3), False),
        ([94105], None, False),
    ],
    ids=["named", "negative", "not named", "a number that would be a column of its own among 94,106"],
)
def test_labels_of_several_classes_are_those_that_the_problem_names(label, classes, passed):
    assert labels_valid("multiclass", pd.Series(label), classes).passed == passed


def test_a_label_that_is_not_named_is_shown_with_what_to_do():
    assert labels_valid("multiclass", pd.Series([1, 4]), (1, 2, 3)).description == (
        "1 of 2 labels are not one of the problem's classes 1 to 3, such as 4. "
        "Mend the dataset function, or add them in the problem's classes."
    )
