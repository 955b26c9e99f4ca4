from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from ml_assets.errors import InvalidProblem
from ml_assets.evaluation.checks import schema_of, validated
from ml_assets_tests.doubles import umbrellas

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
    found = validated(GOOD, SCHEMA, "carrier").outcome
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
        (GOOD.drop(columns="carrier"), "column 'carrier' is missing. There are distance, left, landed"),
        (GOOD.assign(gate="B1", tail="N1"), "column 'gate' is not in the schema; column 'tail' is not in the schema"),
    ],
    ids=["range", "null", "type", "across columns", "missing", "extra"],
)
def test_a_broken_rule_is_told_with_column_rows_and_examples(frame, words):
    found = validated(frame, SCHEMA, "carrier").outcome
    assert (found.name, found.passed, found.blocking) == ("schema", False, True)
    assert found.description == f"{words}. Land a mended file, or mend the problem's schema or dataset function."
    assert json.loads(json.dumps(found.metadata, allow_nan=False)) == found.metadata


def test_all_faults_are_counted_and_only_the_first_told():
    schema = pa.DataFrameSchema({f"c{i}": pa.Column(int) for i in range(8)})
    found = validated(pd.DataFrame({"other": [1]}), schema, "other").outcome
    assert len(found.metadata["faults"]) == 8
    assert "column 'c4' is missing; 3 more faults." in found.description


def test_what_is_said_is_short_however_long_the_values_and_rules():
    schema = pa.DataFrameSchema({"x": pa.Column(str, pa.Check.isin(["y" * 9_000]))})
    frame = pd.DataFrame({"x": ["z" * 9_000] * 2})
    found = validated(frame, schema, "x").outcome
    assert not found.passed
    assert len(found.description) < 600
    assert len(json.dumps(found.metadata)) < 600
    assert "zzz…" in found.description


def test_of_a_table_with_other_columns_altogether_the_first_faults_are_kept():
    found = validated(GOOD, pa.DataFrameSchema({f"column {n}": pa.Column(int) for n in range(500)}), "carrier").outcome
    assert (len(found.metadata["faults"]), found.metadata["faults_in_all"]) == (50, 500)


# ---------------------------------------------------------------- what a schema repairs

ROWS = pd.DataFrame({"id": list("abcdef"), "x": [1.0, -999.0, 3.0, 4.0, 5.0, 6.0], "n": [1, 2, 3, 4, 5, 6]})
GAPS = ROWS.assign(x=[1.0, None, 3.0, None, 5.0, 6.0])
TEXT = ROWS.assign(x=["1", "2.5", "3", "4", "5", "6"])


def columns(**other: pa.Column) -> dict[str, pa.Column]:
    return {"id": pa.Column("str"), "x": pa.Column(float), "n": pa.Column(int)} | other


def positive(**how: object) -> pa.Column:
    return pa.Column(float, pa.Check.ge(0), **how)


CLIPPED = pa.Parser(lambda x: x.clip(0, 5))
REPAIRS = {
    "rows dropped": (
        pa.DataFrameSchema(columns(x=positive()), drop_invalid_rows=True),
        ROWS,
        {"rows_landed": 6, "rows_refused": 1},
        "5 of 6 rows fit the schema. It dropped 1: column 'x' breaks greater_than_or_equal_to(0) in 1 row, for example -999.0.",
    ),
    "rows dropped by a column": (
        pa.DataFrameSchema(columns(x=positive(drop_invalid_rows=True))),
        ROWS,
        {"rows_landed": 6, "rows_refused": 1},
        "5 of 6 rows fit the schema. It dropped 1: column 'x' breaks greater_than_or_equal_to(0) in 1 row, for example -999.0.",
    ),
    "rows dropped by a parser": (
        pa.DataFrameSchema(columns(), parsers=pa.Parser(lambda f: f[f["x"] > 0])),
        ROWS,
        {"rows_landed": 6, "rows_refused": 1},
        "5 of 6 rows fit the schema. It dropped 1.",
    ),
    "a default": (
        pa.DataFrameSchema(columns(x=pa.Column(float, default=0.0))),
        GAPS,
        {"rows_landed": 6, "rows_refused": 0, "values_repaired": {"x": 2}},
        "All 6 rows fit the schema. It changed 2 values of 'x'.",
    ),
    "numbers as text": (
        pa.DataFrameSchema(columns(), coerce=True),
        TEXT,
        {"rows_landed": 6, "rows_refused": 0, "values_repaired": {"x": 6}, "types_repaired": {"x": "str -> float64"}},
        "All 6 rows fit the schema. It changed 6 values of 'x'. It changed types: 'x' str -> float64.",
    ),
    "whole numbers as floats": (
        pa.DataFrameSchema(columns(n=pa.Column(float, coerce=True))),
        ROWS,
        {"rows_landed": 6, "rows_refused": 0, "types_repaired": {"n": "int64 -> float64"}},
        "All 6 rows fit the schema. It changed types: 'n' int64 -> float64.",
    ),
    "a parser of a column": (
        pa.DataFrameSchema(columns(x=positive(parsers=CLIPPED))),
        ROWS,
        {"rows_landed": 6, "rows_refused": 0, "values_repaired": {"x": 2}},
        "All 6 rows fit the schema. It changed 2 values of 'x'.",
    ),
    "a parser of the table": (
        pa.DataFrameSchema(columns(), parsers=pa.Parser(lambda f: f.assign(id=f["id"].str.upper(), x=f["x"] + 1))),
        ROWS,
        {"rows_landed": 6, "rows_refused": 0, "values_repaired": {"id": 6, "x": 6}},
        "All 6 rows fit the schema. It changed 6 values of 'id', 6 values of 'x'.",
    ),
    "a column too many": (
        pa.DataFrameSchema({"id": pa.Column("str"), "x": pa.Column(float)}, strict="filter"),
        ROWS,
        {"rows_landed": 6, "rows_refused": 0, "columns_left_out": ["n"]},
        "All 6 rows fit the schema. It left out 'n'.",
    ),
    "a column too few": (
        pa.DataFrameSchema(columns(z=pa.Column(float, default=0.0)), add_missing_columns=True),
        ROWS,
        {"rows_landed": 6, "rows_refused": 0, "columns_added": ["z"]},
        "All 6 rows fit the schema. It added 'z'.",
    ),
    "rows dropped and values changed": (
        pa.DataFrameSchema(columns(x=positive(default=0.0)), drop_invalid_rows=True),
        ROWS.assign(x=[1.0, -999.0, None, 4.0, 5.0, 6.0]),
        {"rows_landed": 6, "rows_refused": 1, "values_repaired": {"x": 1}},
        "5 of 6 rows fit the schema. It dropped 1: column 'x' breaks greater_than_or_equal_to(0) in 1 row, for example -999.0. "
        "It changed 1 value of 'x'.",
    ),
    "rows in another order": (
        pa.DataFrameSchema(columns(), parsers=pa.Parser(lambda f: f.sort_values("x", ignore_index=True))),
        ROWS,
        {"rows_landed": 6, "rows_refused": 0},
        "All 6 rows fit the schema. It put the rows into another order: changed values are not counted.",
    ),
    "rows in another order, index kept": (
        pa.DataFrameSchema(columns(), parsers=pa.Parser(lambda f: f.sort_values("x").assign(x=0.0))),
        ROWS,
        {"rows_landed": 6, "rows_refused": 0, "values_repaired": {"x": 6}},
        "All 6 rows fit the schema. It changed 6 values of 'x'.",
    ),
    "rows dropped and index made anew": (
        pa.DataFrameSchema(columns(), parsers=pa.Parser(lambda f: f[f["x"] > 0].reset_index(drop=True))),
        ROWS,
        {"rows_landed": 6, "rows_refused": 1},
        "5 of 6 rows fit the schema. It dropped 1. It put the rows into another order: changed values are not counted.",
    ),
}


@pytest.mark.parametrize(("schema", "landed", "notes", "words"), REPAIRS.values(), ids=REPAIRS)
def test_what_a_schema_repairs_is_what_it_returns_and_is_said_and_counted(schema, landed, notes, words):
    before = landed.copy()
    found = validated(landed, schema, "id")
    pd.testing.assert_frame_equal(found.data, schema.validate(before, lazy=True))
    pd.testing.assert_frame_equal(landed, before)
    assert found.outcome.passed
    assert found.repairs.notes == notes
    assert found.outcome.description == words
    assert json.loads(json.dumps(found.outcome.metadata)) == {"rows": len(found.data), **notes}


def test_rows_that_need_no_repair_are_those_that_landed():
    found = validated(ROWS, pa.DataFrameSchema(columns(), coerce=True), "id")
    assert found.data is ROWS
    assert found.repairs.notes == {"rows_landed": 6, "rows_refused": 0}


def test_a_column_gets_its_type_although_a_value_that_was_dropped_had_none():
    schema = pa.DataFrameSchema(columns(x=pa.Column(float, coerce=True)), drop_invalid_rows=True)
    found = validated(TEXT.assign(x=["1", "n/a", "3", "4", "5", "6"]), schema, "id")
    assert found.data["x"].tolist() == [1.0, 3.0, 4.0, 5.0, 6.0]
    assert found.repairs.types == {"x": "str -> float64"}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (
            pa.DataFrameSchema(columns(x=pa.Column(float, pa.Check.ge(5))), drop_invalid_rows=True),
            "The schema leaves 2 of 6 rows, at least 4 are expected: column 'x' breaks greater_than_or_equal_to(5) in 4 rows, "
            "for example 1.0, -999.0, 3.0. Land a mended file, or",
        ),
        (
            pa.DataFrameSchema(columns(x=pa.Column("str")), drop_invalid_rows=True),
            "The schema leaves 0 of 6 rows, at least 4 are expected: column 'x' breaks dtype('string[pyarrow]') in 6 rows, "
            "for example 1.0, -999.0, 3.0. Land",
        ),
        (
            pa.DataFrameSchema(columns(), parsers=pa.Parser(lambda f: f.head(1))),
            "The schema leaves 1 of 6 rows, at least 4 are expected. Land a mended file, or",
        ),
    ],
    ids=["most are invalid", "another type", "a parser drops them"],
)
def test_a_schema_that_drops_nearly_everything_refuses_what_landed(schema, words):
    found = validated(ROWS, schema, "id", minimum_rows=4)
    assert (found.outcome.passed, found.outcome.blocking) == (False, True)
    assert found.outcome.description.startswith(words)
    assert found.data is ROWS, "what landed is kept for inspection"


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ([1, 2, 3], pd.array([1, None, 3], dtype="Int64"), 1),
        ([1.0, None, 3.0], pd.array([1, None, 3], dtype="Int64"), 0),
        (["a", "b", "c"], pd.Categorical(["a", "b", "d"]), 1),
        (
            pd.to_datetime(["2024-01-01"] * 3, utc=True),
            pd.to_datetime(["2024-01-01"] * 3, utc=True).tz_convert("Asia/Tokyo"),
            0,
        ),
        (pd.to_datetime(["2024-01-01"] * 3), pd.to_datetime(["2024-01-01"] * 3, utc=True), 3),
        ([[1], [2], [3]], [[1], [2], [4]], 1),
        ([np.array([1]), None, np.array([3])], [np.array([1]), None, None], 1),
        ([True, False, True], [1.0, 0.0, 0.0], 1),
    ],
    ids=["made missing", "another type", "categories", "another zone", "a zone", "lists", "arrays", "flags"],
)
def test_values_are_counted_as_changed_where_they_are_unequal(before, after, changed):
    landed = pd.DataFrame({"id": list("abc"), "v": before})
    schema = pa.DataFrameSchema({}, parsers=pa.Parser(lambda f: f.assign(v=after)))
    assert validated(landed, schema, "id").repairs.values == ({"v": changed} if changed else {})


# ---------------------------------------------------------------- where it comes from


class Visits(pa.DataFrameModel):
    visit: str
    clouds: float = pa.Field(coerce=True, ge=0)

    class Config:
        drop_invalid_rows = True


@pytest.mark.parametrize(
    "given", [Visits, lambda: Visits, Visits.to_schema], ids=["model", "returns one", "its schema"]
)
def test_a_schema_may_be_written_as_a_model(given):
    schema = schema_of(dataclasses.replace(umbrellas.PROBLEM, schema=given))
    found = validated(pd.DataFrame({"visit": ["a", "b"], "clouds": ["1", "-1"]}), schema, "visit")
    assert found.data["clouds"].tolist() == [1.0]
    assert found.repairs.notes["rows_refused"] == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            lambda: {"x": float},
            "schema returned {'x': <class 'float'>}. Let it be a function that returns a DataFrameSchema",
        ),
        (lambda: None, "schema returned None. Let it be"),
        (pa.DataFrameSchema({}), "schema is <Schema DataFrameSchema("),
        (dict, "schema is <class 'dict'>. Let it be"),
    ],
    ids=["a dict", "nothing", "an object", "another class"],
)
def test_what_is_no_schema_is_refused(given, words):
    with pytest.raises(InvalidProblem) as refused:
        schema_of(dataclasses.replace(umbrellas.PROBLEM, schema=given))
    assert str(refused.value).startswith(f"Problem 'umbrellas': {words}")
