from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from ml_assets.evaluation.checks import labels_known, labels_valid, schema_valid, unique_entities, volume

SCHEMA = pa.DataFrameSchema(
    {
        "distance": pa.Column(int, pa.Check.ge(0)),
        "carrier": pa.Column(str, pa.Check.isin(["AA", "UA"])),
        "left": pa.Column(float),
        "landed": pa.Column(float, nullable=True),
    },
    checks=pa.Check(lambda f: f["left"] <= f["landed"].fillna(np.inf), name="left before landed"),
    strict=True,
)
GOOD = pd.DataFrame(
    {"distance": [200, 300, 400], "carrier": ["AA", "UA", "AA"], "left": [1.0, 2.0, 3.0], "landed": [2.0, 3.0, np.nan]}
)


def test_rows_that_fit_the_schema_pass():
    found = schema_valid(GOOD, SCHEMA)
    assert found.passed
    assert found.description == "All 3 rows fit the schema."


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (
            GOOD.assign(distance=[-5, 300, -7]),
            "column 'distance' breaks greater_than_or_equal_to(0) in 2 rows, for example -5, -7",
        ),
        (GOOD.assign(carrier=["AA", None, "AA"]), "column 'carrier' breaks not_nullable in 1 row, for example nan"),
        (GOOD.assign(distance=[1.5, 2.5, 3.5]), "column 'distance' breaks dtype('int64'), for example float64"),
        (GOOD.assign(landed=[0.0, 3.0, 3.0]), "the row breaks left before landed in 1 row"),
        (GOOD.drop(columns="carrier"), "column 'carrier' is missing"),
        (GOOD.assign(gate="B1", tail="N1"), "column 'gate' is not in the schema; column 'tail' is not in the schema"),
    ],
    ids=["range", "null", "type", "across columns", "missing", "extra"],
)
def test_a_broken_rule_is_told_with_column_rows_and_examples(frame, words):
    found = schema_valid(frame, SCHEMA)
    assert (found.name, found.passed, found.blocking) == ("schema", False, True)
    assert found.description == f"{words}. Land a mended file, or mend the problem's schema or dataset function."
    assert json.loads(json.dumps(found.metadata, allow_nan=False)) == found.metadata


def test_all_faults_are_counted_and_only_the_first_told():
    schema = pa.DataFrameSchema({f"c{i}": pa.Column(int) for i in range(8)})
    found = schema_valid(pd.DataFrame({"other": [1]}), schema)
    assert len(found.metadata["faults"]) == 8
    assert "column 'c4' is missing; 3 more faults." in found.description


def test_what_is_said_is_short_however_long_the_values_and_rules():
    schema = pa.DataFrameSchema({"x": pa.Column(str, pa.Check.isin(["y" * 9_000]))})
    frame = pd.DataFrame({"x": ["z" * 9_000] * 2})
    for found in (schema_valid(frame, schema), unique_entities(frame, "x"), labels_valid("binary", frame["x"])):
        assert not found.passed
        assert len(found.description) < 600
        assert len(json.dumps(found.metadata)) < 600
        assert "zzz…" in found.description


def test_of_a_table_with_other_columns_altogether_the_first_faults_are_kept():
    found = schema_valid(GOOD, pa.DataFrameSchema({f"column {n}": pa.Column(int) for n in range(500)}))
    assert (len(found.metadata["faults"]), found.metadata["faults_in_all"]) == (50, 500)


@pytest.mark.parametrize(
    ("rows", "previous", "passed", "words"),
    [
        (100, None, True, "100 rows landed."),
        (99, None, False, "99 rows landed, at least 100 are expected"),
        (2000, 100, True, "2,000 rows landed."),
        (2001, 100, False, "2,001 rows landed, more than 20 times the 100 of the partition before"),
        (2001, 0, True, "2,001 rows landed."),
    ],
)
def test_volume_refuses_too_few_rows_and_sudden_growth(rows, previous, passed, words):
    found = volume(pd.DataFrame({"x": np.zeros(rows)}), 100, previous)
    assert (found.name, found.passed, found.blocking) == ("volume", passed, True)
    assert found.description.startswith(words)


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
