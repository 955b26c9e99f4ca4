from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.lineage.diff.alignment import align, key_of
from ml_assets.lineage.diff.rows import Cell, ColumnChange, differing, rows_diff, value_text

ID = [["id"]]
TABLE = pd.DataFrame({"id": ["a", "b", "c", "d"], "x": [1.0, 2.0, np.nan, 4.0], "y": ["p", "q", "r", "s"]})


def test_rows_that_came_went_and_changed_are_told_apart_by_their_key():
    new = pd.DataFrame({"id": ["e", "d", "c", "b"], "x": [5.0, 4.0, 3.0, 2.0], "y": ["t", "s", "r", "Q"]})
    found = rows_diff(TABLE, new, ID)
    assert (found.key, found.rows, found.common, found.removed, found.added) == (("id",), (4, 4), 3, 1, 1)
    assert (found.examples_removed, found.examples_added) == (("a",), ("e",))
    assert found.changed == 2
    assert found.columns == (
        ColumnChange("x", 1, (Cell("c", "missing", "3.0"),)),
        ColumnChange("y", 1, (Cell("b", "q", "Q"),)),
    )
    assert found.rows_in_another_order
    assert not found.alike


def test_columns_with_most_changes_come_first_and_three_examples_are_enough():
    new = TABLE.assign(x=[1.0, 2.5, np.nan, 4.0], y=["P", "Q", "R", "S"])
    first, second = rows_diff(TABLE, new, ID).columns
    assert (first.name, first.rows, len(first.examples)) == ("y", 4, 3)
    assert (second.name, second.rows, second.examples) == ("x", 1, (Cell("b", "2.0", "2.5"),))


def test_tables_with_the_same_values_are_alike_also_where_values_are_missing():
    assert rows_diff(TABLE, TABLE.copy(), ID).alike
    assert not rows_diff(TABLE, TABLE.iloc[::-1], ID).alike
    assert not rows_diff(TABLE, TABLE[["id", "y", "x"]], ID).alike


def test_columns_that_came_went_changed_their_type_or_their_order_are_told():
    new = pd.DataFrame({"z": 0, "y": TABLE["y"].astype("category"), "id": TABLE["id"]})
    found = rows_diff(TABLE, new, ID)
    assert (found.columns_removed, found.columns_added, found.retyped) == (("x",), ("z",), ("y str -> category",))
    assert found.columns_in_another_order
    assert found.changed == 0, "the same text is the same value, whatever holds it"


def test_rows_that_share_a_key_are_compared_in_their_order_and_counted():
    old = pd.DataFrame({"id": ["a", "a", "b"], "x": [1, 2, 3]})
    new = pd.DataFrame({"id": ["a", "b", "a", "a"], "x": [1, 3, 9, 4]})
    found = rows_diff(old, new, ID)
    assert (found.repeated, found.common, found.added, found.removed, found.changed) == ((1, 2), 3, 1, 0, 1)
    assert found.columns == (ColumnChange("x", 1, (Cell("a", "2", "9"),)),)


def test_rows_without_a_key_are_counted_and_compared_with_nothing():
    old = pd.DataFrame({"id": ["a", None, None], "x": [1, 2, 3]})
    new = pd.DataFrame({"id": [None, "a"], "x": [7, 1]})
    found = rows_diff(old, new, ID)
    assert (found.missing, found.common, found.removed, found.added, found.changed) == ((2, 1), 1, 0, 0, 0)


def test_a_second_column_joins_the_key_only_where_the_first_is_not_unique():
    once = pd.DataFrame({"id": ["a", "b"], "at": [1, 2]})
    twice = pd.DataFrame({"id": ["a", "a"], "at": [1, 2]})
    names = [["visit", "id"], ["at"]]
    assert key_of(once, once, names) == ("id",)
    assert key_of(once, twice, names) == ("id", "at")
    assert key_of(once, once.rename(columns={"id": "other"}), names) == ()
    aligned = align(twice, twice.iloc[::-1], ("id", "at"))
    assert (aligned.old.tolist(), aligned.new.tolist(), aligned.repeated) == ([0, 1], [1, 0], (0, 0))


def test_where_nothing_says_what_identifies_a_row_only_columns_are_compared():
    found = rows_diff(TABLE, TABLE.drop(columns="y").head(2), [["visit"]])
    assert (found.key, found.rows, found.columns_removed, found.common, found.changed) == ((), (4, 2), ("y",), 0, 0)
    assert not found.alike


def test_a_key_that_became_text_is_the_same_key():
    old = pd.DataFrame({"id": [1, 2], "x": [1, 2]})
    found = rows_diff(old, old.assign(id=["2", "3"], x=[5, 6]), ID)
    assert (found.common, found.removed, found.added, found.retyped) == (1, 1, 1, ("id int64 -> str",))


def test_tables_without_rows_have_nothing_in_common():
    assert rows_diff(TABLE.head(0), TABLE, ID).added == 4
    assert rows_diff(TABLE, TABLE.head(0), ID).removed == 4
    assert rows_diff(TABLE.head(0), TABLE.head(0), ID).alike


def at(*texts: str, **kwargs: str) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts), **kwargs))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (pd.Series([1, 2, 3]), pd.Series([1.0, 2.5, np.nan]), [False, True, True]),
        (pd.Series([1, None], dtype="Int64"), pd.Series([1, 2], dtype="Int64"), [False, True]),
        (pd.Series([1, None], dtype="Int64"), pd.Series([None, None], dtype="Int64"), [True, False]),
        (pd.Series([True, False]), pd.Series([True, True]), [False, True]),
        (pd.Series(["a", None]), pd.Series(["b", None]), [True, False]),
        (pd.Series(["a", None], dtype="category"), pd.Series(["a", "c"], dtype="category"), [False, True]),
        (pd.Series([1, 2], dtype="category"), pd.Series([1, 3], dtype="category"), [False, True]),
        (at("2024-01-01", "2024-01-02"), at("2024-01-01", "2024-01-03").astype("datetime64[ns]"), [False, True]),
        (at("2024-01-01", utc=True), at("2024-01-01"), [True]),
        (pd.Series([1, 2]), pd.Series(["1", "3"]), [False, True]),
        (pd.Series([[1, 2], [3], None]), pd.Series([[1, 2], [4], None]), [False, True, False]),
        (pd.Series([np.arange(2000)]), pd.Series([np.arange(2000) + (np.arange(2000) == 1000)]), [True]),
        (pd.Series([["a, b"]]), pd.Series([["a", "b"]]), [True]),
        (pd.Series([{"a": 1.0}]), pd.Series([{"a": 1.0}]), [False]),
    ],
    ids=[
        "whole numbers and fractions", "nullable", "missing on both sides", "truths", "text", "categories",
        "categories of numbers", "times of other precision", "times with a zone and without", "numbers and text", "lists",
        "long arrays", "text in lists", "mappings",
    ],
)  # fmt: skip
def test_values_are_compared_whatever_type_holds_them(old, new, expected):
    assert differing(old, new).tolist() == expected


def test_values_are_written_for_people():
    assert [value_text(v) for v in (1.5, None, pd.NaT, "a", [1, "b"], {"c": np.array([1])})] == [
        "1.5", "missing", "missing", "a", "[1, 'b']", "{'c': [1]}",
    ]  # fmt: skip


KEYS = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=12)


@given(KEYS, KEYS)
def test_every_row_is_common_removed_added_or_without_a_key_and_no_row_is_two_of_these(old, new):
    tables = [pd.DataFrame({"id": pd.Series(keys, dtype="str")}) for keys in (old, new)]
    found = align(*tables, ["id"])
    for keys, common, alone in ((old, found.old, found.removed), (new, found.new, found.added)):
        assert sorted([*common, *alone]) == [n for n, key in enumerate(keys) if key is not None]
    assert [old[n] for n in found.old] == [new[n] for n in found.new]
    assert len(found.old) == sum(min(old.count(key), new.count(key)) for key in "abc")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (pd.Categorical(["a"]), pd.Categorical(["a"], ["a", "b", "c", "d", "e"]), "4 added (b, c, d …)"),
        (pd.Categorical(["a"], ["a", "b"]), pd.Categorical(["a"], ["a", "c"]), "1 added (c), 1 removed (b)"),
        (pd.Categorical(["a"], ["a", "b"]), pd.Categorical(["a"], ["b", "a"]), "in another order or of another type"),
        (pd.Categorical(["a"]), pd.Categorical(["a"], ordered=True), "ordered"),
    ],
    ids=["more", "others", "another order", "a scale"],
)
def test_lists_of_categories_are_told_by_what_came_and_went(old, new, said):
    found = rows_diff(pd.DataFrame({"id": [1], "shop": old}), pd.DataFrame({"id": [1], "shop": new}), [["id"]])
    assert found.retyped == (f"shop categories: {said}",)
    assert found.changed == 0, "the values are the same"


def test_neighbouring_ids_beyond_floats_are_told_apart_whatever_type_holds_them():
    ids = [2**53, 2**53 + 1]
    old = pd.DataFrame({"id": pd.array(ids, "Int64"), "x": [1, 2]})
    new = pd.DataFrame({"id": np.array(ids, "uint64"), "x": pd.array([1, None], "Int64")})
    found = rows_diff(old, new, [["id"]])
    assert (found.common, found.repeated, [column.rows for column in found.columns]) == (2, (0, 0), [1])
    rounded = pd.Series([float(2**53)] * 2)
    assert differing(old["id"], rounded).tolist() == [False, True]
    assert differing(old["id"].astype("int64"), pd.Series([2.0**53, 0.5])).tolist() == [False, True]
