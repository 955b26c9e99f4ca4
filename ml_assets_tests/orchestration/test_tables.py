"""Tables of an evaluation and of columns."""

from __future__ import annotations

import dataclasses
import math

import pandas as pd
import pandera.pandas as pa

from ml_assets.evaluation.explanation import Explanation
from ml_assets.evaluation.judge import Estimate, Evaluation, GateVerdict
from ml_assets.evaluation.slices import SliceScore
from ml_assets.orchestration import tables
from ml_assets.orchestration.tables import (
    LONGEST_NOTE,
    MAX_COLUMNS,
    MAX_SLICES,
    column_profiles,
    column_schema,
    evaluation_tables,
    explanation_tables,
)

REPORT = Evaluation(
    rows=100,
    unlabelled=0,
    model={"auroc": Estimate(0.7, 0.6, 0.8)},
    baseline={"auroc": Estimate(0.5, 0.5, 0.5)},
    slices=(
        SliceScore("shop", "east", 80, {"auroc": 0.712345}),
        SliceScore("shop", "west", 20, {"auroc": None}, "x" * 99),
    ),
    gates=(
        GateVerdict("auroc", "at least", 0.7, 0.6, True),
        GateVerdict("auroc", "at least", math.nan, 0.6, False),
        GateVerdict("auroc", "at least", math.nan, math.nan, False, slice="shop = east", untold="12 rows"),
    ),
)
EXPLAINED = Explanation(importance=(("clouds", 0.123456), ("shop", 0.0)), drift=(("clouds", 0.3),))


def rows(of) -> list[dict]:
    return [dict(record.data) for record in of.records]


def test_gates_and_slices_are_tables_with_what_decides_in_the_first_columns():
    found = evaluation_tables(REPORT)
    assert list(found) == ["gates", "slices"]
    assert rows(found["gates"]) == [
        {"metric": "auroc", "verdict": "passed", "value": 0.7, "limit": "at least 0.6"},
        {"metric": "auroc", "verdict": "FAILED", "value": None, "limit": "at least 0.6"},
        {"metric": "auroc of shop = east", "verdict": "cannot tell", "value": None, "limit": None},
    ]
    east, west = rows(found["slices"])
    assert east == {"slice": "shop = east", "rows": 80, "auroc": 0.7123, "note": ""}
    assert len(west["note"]) == LONGEST_NOTE


def test_features_are_a_table_the_most_important_first():
    assert rows(explanation_tables(EXPLAINED)["top_features"]) == [
        {"feature": "clouds", "importance": 0.1235, "psi": 0.3},
        {"feature": "shop", "importance": 0.0, "psi": None},
    ]


def test_features_that_were_left_out_are_said_beside_those_that_matter_most():
    found = explanation_tables(
        dataclasses.replace(EXPLAINED, left_out="1,900 of 2,000 features were not shuffled one by one.")
    )
    assert found["features_left_out"].value == "1,900 of 2,000 features were not shuffled one by one."


def test_what_is_empty_is_no_table():
    assert evaluation_tables(dataclasses.replace(REPORT, slices=(), gates=())) == {}
    assert explanation_tables(Explanation()) == {}


def test_of_many_slices_the_first_are_shown():
    many = tuple(dataclasses.replace(REPORT.slices[0], value=str(n)) for n in range(500))
    shown = rows(evaluation_tables(dataclasses.replace(REPORT, slices=many))["slices"])
    assert [row["slice"] for row in shown] == [f"shop = {n}" for n in range(MAX_SLICES)]


def test_of_slices_with_many_metrics_fewer_are_shown():
    wide = SliceScore("shop", "east", 80, {f"metric {n}": 0.5 for n in range(30)})
    shown = rows(evaluation_tables(dataclasses.replace(REPORT, slices=(wide,) * 500))["slices"])
    assert len(shown) == 13
    assert len(shown[0]) == 33


def test_columns_have_their_types_and_what_the_schema_asks_of_them():
    frame = pd.DataFrame({"id": ["a"], "age": [1.5], "more": [True]})
    schema = pa.DataFrameSchema(
        {
            "id": pa.Column("str", unique=True, description="who"),
            "age": pa.Column(
                float, [pa.Check.in_range(0, 9), pa.Check(lambda s: s > 0, name="positive")], nullable=True
            ),
        }
    )
    one, age, more = column_schema(frame, schema)["dagster/column_schema"].columns
    assert (one.name, one.description, one.constraints.unique, one.constraints.nullable) == ("id", "who", True, False)
    assert (age.type, age.constraints.nullable, age.constraints.other) == (
        "float64",
        True,
        ["in_range(0, 9)", "positive"],
    )
    assert (more.name, more.type) == ("more", "bool")


def test_of_many_columns_the_first_are_shown():
    wide = pd.DataFrame({f"c{n}": [0] for n in range(1_000)})
    assert len(column_schema(wide)["dagster/column_schema"].columns) == MAX_COLUMNS


def test_each_column_of_a_table_has_a_row_with_its_spread():
    frame = pd.DataFrame({"n": [1.0, 2.0, 2.0, None], "shop": ["east", "east", "west", "east"]})
    (profile,) = column_profiles(frame).values()

    assert rows(profile) == [
        {
            "column": "n",
            "type": "float64",
            "missing": 1,
            "distinct": 2,
            "spread": f"▄{' ' * 10}█",
            "values": "1 · 1 · 2 · 2 · 2",
        },
        {"column": "shop", "type": "str", "missing": 0, "distinct": 2, "spread": "█▃", "values": "east 3, west 1"},
    ]


def test_of_many_rows_and_columns_as_many_are_looked_at_as_cost_little(monkeypatch):
    monkeypatch.setattr(tables, "PROFILED_ROWS", 10)
    frame = pd.DataFrame({f"c{n}": range(25) for n in range(tables.PROFILED_COLUMNS + 3)})
    ((name, profile),) = column_profiles(frame).items()

    assert name == "profile of 9 rows"
    assert len(profile.records) == tables.PROFILED_COLUMNS
    assert column_profiles(pd.DataFrame()) == {}
