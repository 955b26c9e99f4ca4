"""Two columns have a type in common exactly where it holds every value of both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.values import as_declared, as_numpy, as_type, in_one_type, rows_that_decide

TOP = 2**63 - 1
COLUMNS = {
    "int": pd.Series([1, 2]),
    "int8": pd.Series([1, -2], dtype="int8"),
    "ids": pd.Series([2**53 + 1, TOP]),
    "nullable": pd.Series([1, None], dtype="Int64"),
    "nullable ids": pd.Series([-TOP - 1, None, TOP], dtype="Int64"),
    "uint64": pd.Series([0, 2**64 - 1], dtype="uint64"),
    "negative": pd.Series([-1]),
    "whole floats": pd.Series([1.0, np.nan]),
    "fractions": pd.Series([1.5, np.nan, -np.inf]),
    "float32": pd.Series([0.1], dtype="float32"),
    "nullable floats": pd.Series([1.5, None], dtype="Float64"),
    "bool": pd.Series([True, False]),
    "boolean": pd.Series([True, None], dtype="boolean"),
    "truths as objects": pd.Series([True, None], dtype=object),
    "far instants": pd.Series(["9999-12-31", "0001-01-01"], dtype="M8[us]"),
    "nanoseconds": pd.Series([1, 2**62], dtype="M8[ns]"),
    "milliseconds": pd.Series(["2024-01-01"], dtype="M8[ms]"),
    "utc": pd.Series(["2024-01-01"], dtype="datetime64[us, UTC]"),
    "paris": pd.Series(["2024-01-01"], dtype="datetime64[us, Europe/Paris]"),
    "durations": pd.Series([1], dtype="m8[ns]"),
    "text": pd.Series(["a", None], dtype="str"),
    "nothing": pd.Series([None, None], dtype=object),
    "no rows": pd.Series([], dtype="float64"),
}
UNITED = [
    ("int", "int8", "int64"),
    ("int", "nullable", "Int64"),
    ("int8", "nullable", "Int64"),
    ("int", "uint64", "uint64"),
    ("nullable", "uint64", "UInt64"),
    ("negative", "uint64", None),
    ("int", "whole floats", "float64"),
    ("nullable", "fractions", "float64"),
    ("ids", "whole floats", "Int64"),
    ("nullable ids", "whole floats", "Int64"),
    ("ids", "fractions", None),
    ("float32", "fractions", None),
    ("float32", "int", None),
    ("fractions", "nullable floats", "float64"),
    ("bool", "boolean", "boolean"),
    ("bool", "truths as objects", "boolean"),
    ("boolean", "truths as objects", "boolean"),
    ("bool", "int", None),
    ("boolean", "nullable", None),
    ("far instants", "milliseconds", "datetime64[us]"),
    ("nanoseconds", "milliseconds", "datetime64[ns]"),
    ("far instants", "nanoseconds", None),
    ("utc", "paris", None),
    ("utc", "milliseconds", None),
    ("durations", "int", None),
    ("text", "int", None),
    ("nothing", "int", "Int64"),
    ("nothing", "bool", "boolean"),
    ("nothing", "text", "str"),
    ("nothing", "utc", "datetime64[us, UTC]"),
    ("no rows", "int", "int64"),
]


def plain(column: pd.Series) -> list[object]:
    return [None if pd.isna(value) else value for value in column]


@pytest.mark.parametrize(("one", "other", "dtype"), UNITED, ids=[f"{one} and {other}" for one, other, _ in UNITED])
def test_two_columns_unite_in_the_type_that_holds_both(one: str, other: str, dtype: str | None) -> None:
    for columns in ((COLUMNS[one], COLUMNS[other]), (COLUMNS[other], COLUMNS[one])):
        both = in_one_type(*columns)
        assert (both and [str(column.dtype) for column in both]) == (dtype and [dtype, dtype])


@pytest.mark.parametrize("other", COLUMNS)
@pytest.mark.parametrize("one", COLUMNS)
def test_nothing_changes_its_value_where_columns_unite(one: str, other: str) -> None:
    both = in_one_type(COLUMNS[one], COLUMNS[other])
    assert both is None or [*map(plain, both)] == [plain(COLUMNS[one]), plain(COLUMNS[other])]


WHOLE = st.lists(st.one_of(st.none(), st.integers(-TOP - 1, TOP), st.integers(-3, 3)), min_size=1, max_size=4)
TYPES = ("int64", "Int64", "int8", "Int8", "uint64", "UInt64", "float64", "Float64", "float32")


@settings(max_examples=200, deadline=None)
@given(values=WHOLE, to=st.sampled_from(TYPES))
def test_whole_numbers_in_another_type_are_the_same_or_nothing_is_converted(values: list[int | None], to: str) -> None:
    column = pd.Series(values, dtype="Int64")
    found = as_type(column, to)
    assert found is None or (str(found.dtype) == to and plain(found) == values)
    if to == "Int64":
        assert found is not None


@settings(max_examples=200, deadline=None)
@given(values=st.lists(st.floats(width=64), min_size=1, max_size=4), to=st.sampled_from(TYPES))
def test_floats_in_another_type_are_the_same_or_nothing_is_converted(values: list[float], to: str) -> None:
    column = pd.Series(values, dtype="float64")
    found = as_type(column, to)
    assert found is None or plain(found) == plain(column)


def test_columns_are_as_the_schema_declares_where_nothing_is_lost() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": pd.array([1, None], "Int64"), "c": [1.5, 2.0], "d": ["x", "y"]})
    found = as_declared(frame, {"a": "Int64", "b": "float64", "c": "int64", "d": "float64", "e": "int64"})
    assert found.dtypes.astype(str).to_dict() == {"a": "Int64", "b": "float64", "c": "float64", "d": "str"}
    assert frame["a"].dtype == "int64"


def test_estimators_get_floats_for_nullable_numbers_unless_one_would_be_rounded() -> None:
    held = {"n": pd.array([1, None], "Int8"), "id": pd.array([2**53 + 1, None], "Int64")}
    found = as_numpy(pd.DataFrame({**held, "x": pd.array([0.5, None], "Float32"), "i": [1, 2]}))
    assert found.dtypes.astype(str).to_dict() == {"n": "float64", "id": "Int64", "x": "float32", "i": "int64"}


# ---------------------------------------------------------------- few rows for all

POOL = {
    "int64": [0, 1, -1, 2**31, 2**53, 2**53 + 1, -(2**53) - 1, TOP],
    "Int64": [0, 1, None, 2**53 + 1, -TOP - 1],
    "uint64": [0, 1, 2**53 + 1, 2**64 - 1],
    "int8": [0, 1, -128],
    "float64": [0.0, 1.0, np.nan, 0.5, np.inf, 2.0**60, -(2.0**63)],
    "Float64": [1.0, None, 0.5],
    "float32": [1.0, 0.5],
    "bool": [True, False],
    "boolean": [True, None],
    "object": [True, None, "text"],
    "str": ["text", None],
    "datetime64[ns]": ["2024-01-01", "2024-01-01T00:00:00.000000001", "2200-01-01", None],
    "datetime64[us]": ["2024-01-01", "2024-01-01T00:00:00.000001", "9999-01-01", None],
    "datetime64[s]": ["2024-01-01", "2024-01-01T00:00:01", "0001-01-01"],
    "timedelta64[ns]": [1, 10**9],
    "timedelta64[s]": [1, 2**40],
}


@st.composite
def any_column(draw: st.DrawFn) -> pd.Series:
    dtype = draw(st.sampled_from([*POOL]))
    values = draw(st.lists(st.sampled_from(POOL[dtype]), max_size=12))
    return pd.Series(values, dtype=dtype)


@settings(max_examples=500, deadline=None)
@given(one=any_column(), other=any_column())
def test_few_rows_have_the_type_in_common_with_another_column_that_all_rows_have(
    one: pd.Series, other: pd.Series
) -> None:
    few = [column.take(rows_that_decide(column.to_frame("x"))) for column in (one, other)]
    found, expected = in_one_type(*few), in_one_type(one, other)
    assert (found and found[0].dtype) == (expected and expected[0].dtype)
    assert as_numpy(few[0].to_frame("x")).dtypes.equals(as_numpy(one.to_frame("x")).dtypes)


def test_rows_that_decide_are_few_of_many_and_at_least_one_of_any() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"i": rng.integers(0, 2**60, 10_000), "f": rng.normal(size=10_000), "o": ["a", None] * 5_000})
    assert 1 <= len(rows_that_decide(frame)) < 20
    assert rows_that_decide(pd.DataFrame(index=range(3))).tolist() == [0]
    assert rows_that_decide(frame.head(0)).tolist() == []
