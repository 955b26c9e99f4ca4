"""What came over the wire is what the column holds, to the bit, or is refused by column and row with what to send instead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.categories import described
from ml_assets.errors import NotAnswered
from ml_assets.serving.columns import Column, read_columns

SIZES = described(pd.CategoricalDtype(["S", "M", "L"]))
DOORS = described(pd.CategoricalDtype([2, 4]))
NAN = float("nan")

FITS = [
    ("float64", [1, 2.5, None, NAN], pd.Series([1.0, 2.5, NAN, NAN])),
    ("float32", [0.1], pd.Series([0.1], dtype="float32")),
    ("float64", pd.Series([1, 2]), pd.Series([1.0, 2.0])),
    ("int64", [1, 2.0], pd.Series([1, 2])),
    ("int64", [1, None], pd.Series([1, None], dtype="Int64")),
    ("Int64", [1, None], pd.Series([1, None], dtype="Int64")),
    ("uint64", [2**64 - 1], pd.Series([2**64 - 1], dtype="uint64")),
    ("int8", pd.Series([1, -128]), pd.Series([1, -128], dtype="int8")),
    ("int64", pd.Series([1.0, 2.0]), pd.Series([1, 2])),
    ("bool", [True, False], pd.Series([True, False])),
    ("boolean", [True, None], pd.Series([True, None], dtype="boolean")),
    ("str", ["Łódź", None], pd.Series(["Łódź", None], dtype="str")),
    ("datetime64[us, UTC]", ["2024-01-01T01:00:00+01:00", None],
     pd.Series(["2024-01-01T00:00:00Z", None], dtype="datetime64[us, UTC]")),
    ("datetime64[ns]", ["2024-01-01"], pd.Series(["2024-01-01"], dtype="datetime64[ns]")),
    ("timedelta64[s]", ["P1DT2H"], pd.Series([pd.Timedelta(hours=26)], dtype="timedelta64[s]")),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "given", "expected"), FITS, ids=[f"{d}-{n}" for n, (d, *_) in enumerate(FITS)])
def test_values_are_read_as_the_column_has_them(dtype, given, expected):
    read = read_columns([Column("x", dtype)], {"x": given})["x"]

    pd.testing.assert_series_equal(read, expected, check_names=False, check_exact=True)


FITS_NOT = [
    ("float64", ["1.5"], 0, "text. It is float64: send a number"),
    ("float64", [1.0, True], 1, "a truth. It is float64: send a number"),
    ("float64", [1.0, [2]], 1, "a list"),
    ("float64", [0.5, float("inf")], 1, "is infinite or too large. Send null"),
    ("float64", [10**400], 0, "is infinite or too large"),
    ("float64", [2**53 + 1], 0, "which a float would round"),
    ("float32", [1e39], 0, "is infinite or too large"),
    ("float64", pd.Series([0.1], dtype="float32"), 0, "which float64 does not hold exactly. Send a number that float64 holds"),
    ("float64", pd.Series([1.0, np.inf]), 1, "is infinite"),
    ("int64", [1, 2.5], 1, "is 2.5. Send a whole number"),
    ("int8", [1, 300], 1, "is 300, which int8 does not hold exactly"),
    ("int64", [2**70], 0, "which int64 does not hold"),
    ("int64", [1e300], 0, "which int64 does not hold"),
    ("bool", [1], 0, "a whole number. It is bool: send true or false"),
    ("str", ["a", 5], 1, "a whole number. It is str: send text"),
    ("str", ["a", "\ud800"], 1, "a lone surrogate"),
    ("datetime64[us, UTC]", ["yesterday"], 0, "which is no time. Send a time as ISO 8601 has it"),
    ("datetime64[us, UTC]", ["2024-01-01"], 0, "Send times with its offset"),
    ("datetime64[ns]", ["2024-01-01T00:00Z"], 0, "Send times without an offset"),
    ("datetime64[s]", ["2024-01-01T00:00:00.5"], 0, "does not hold exactly"),
    ("timedelta64[s]", ["soon"], 0, "which is no duration"),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "given", "row", "said"), FITS_NOT, ids=[f"{d}-{s[:24]}" for d, _, _, s in FITS_NOT])
def test_what_does_not_fit_is_refused_by_row_with_what_to_send(dtype, given, row, said):
    with pytest.raises(NotAnswered) as refused:
        read_columns([Column("x", dtype)], {"x": given})

    found = refused.value
    assert (found.status, found.column, found.row) == (422, "x", row)
    assert said in str(found)


@pytest.mark.parametrize(
    ("known", "given", "codes"),
    [
        (SIZES, ["L", None, "S"], [2, -1, 0]),
        (DOORS, [4, 2], [1, 0]),
        (SIZES, pd.Series(["M"], dtype="str"), [1]),
        (SIZES, pd.Series(["M", None], dtype="category"), [1, -1]),
    ],
    ids=["text", "numbers", "typed", "dictionary"],
)
def test_a_category_has_the_code_that_it_had_in_training(known, given, codes):
    read = read_columns([Column("size", "category", known)], {"size": given})["size"]

    assert read.cat.codes.tolist() == codes and read.cat.categories.tolist() == known["categories"]


def test_a_category_that_the_model_does_not_know_is_refused_or_missing_as_is_asked():
    column = Column("size", "category", SIZES)
    with pytest.raises(NotAnswered) as refused:
        read_columns([column], {"size": ["S", "XL"]})
    assert (refused.value.row, "It knows S, M, L." in str(refused.value)) == (1, True)

    assert read_columns([column], {"size": ["S", "XL"]}, "missing")["size"].tolist() == ["S", "XL"]  # the model's cast


def test_a_missing_column_is_named_with_the_one_that_may_be_meant():
    with pytest.raises(NotAnswered) as refused:
        read_columns([Column("weight", "float64")], {"wieght": [1.0]})

    assert "Column 'weight' is missing (is it 'wieght'?)" in str(refused.value)
    assert str(refused.value).endswith("Send 'weight' as float64; null where a value is not known.")
