"""What the columns of a table hold, for every type that a table may have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.drift.profile import MOST_COLUMNS, ColumnProfile, in_words, profile


def of(values: pd.Series, before: pd.Series | None = None) -> ColumnProfile:
    (found,) = profile(values.to_frame("x"), None if before is None else before.to_frame("x"))
    return found


def test_numbers_are_told_by_their_quantiles_and_a_histogram():
    found = of(pd.Series([*range(100), np.nan]))

    assert (found.dtype, found.missing, found.distinct) == ("float64", 1, 100)
    assert found.quantiles == (0, 25, 50, 74, 99)
    assert len(found.histogram) == 12
    assert sum(found.histogram) == 100


def test_what_has_no_order_is_told_by_its_most_frequent_values():
    found = of(pd.Series(["ash"] * 5 + ["oak"] * 3 + ["elm", "fir", None]))

    assert found.frequent == (("ash", 5), ("oak", 3), ("elm", 1))
    assert (found.missing, found.distinct, found.quantiles, found.histogram) == (1, 4, (), (5, 3, 1, 1))


def test_values_are_told_in_words():
    numbers, names = of(pd.Series([0.123456, 1.0, 2.0])), of(pd.Series(["ash", "ash", "x" * 99]))

    assert in_words(numbers) == "0.1235 · 0.1235 · 1 · 2 · 2"
    assert in_words(names) == f"ash 2, {'x' * 59}… 1"


def test_large_ids_stay_what_they_were():
    found = of(pd.Series([2**53 + 1, None, 2**53 + 3], dtype="Int64"))

    assert found.quantiles[0] == 2**53 + 1
    assert (found.missing, found.distinct) == (1, 2)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(pd.Series([], dtype="float64"), id="no rows"),
        pytest.param(pd.Series([np.nan, np.nan]), id="nothing known"),
        pytest.param(pd.Series([1.0, 1.0]), id="a constant"),
        pytest.param(pd.Series([np.inf, -np.inf, 1.0, 2.0]), id="infinite"),
        pytest.param(pd.Series([1.7e308, -1.7e308, 0.0]), id="as large as floats are"),
        pytest.param(pd.Series([True, None, False], dtype="boolean"), id="nullable booleans"),
        pytest.param(pd.Series(["2024-01-01", None, "2199-12-31"]).astype("datetime64[us, UTC]"), id="times"),
        pytest.param(pd.Series(pd.to_timedelta([1, 2], unit="h")), id="durations"),
        pytest.param(pd.Series(["a", "b"], dtype=pd.CategoricalDtype(["b", "a", "c"])), id="categories"),
        pytest.param(pd.Series([[1], [2, 3], None]), id="lists"),
        pytest.param(pd.Series([b"x", b"y"]), id="bytes"),
        pytest.param(pd.Series([2**64 - 1, 0], dtype="uint64"), id="unsigned"),
    ],
)
def test_every_kind_of_column_has_a_profile(values: pd.Series):
    found = of(values, values)

    assert found.missing == values.isna().sum()
    assert len(found.quantiles) in (0, 5)
    assert found.drift is None or found.drift == pytest.approx(0)


def test_drift_is_told_against_the_same_column_of_the_same_type():
    rng = np.random.default_rng(0)
    here, moved = pd.Series(rng.normal(size=500)), pd.Series(rng.normal(2, 1, size=500))

    assert of(here, here).drift == pytest.approx(0)
    assert of(moved, here).drift > 0.25
    assert of(here, here.astype(str)).drift is None
    assert of(here).drift is None


def test_of_very_wide_tables_the_first_columns_are_told():
    assert len(profile(pd.DataFrame(np.zeros((2, MOST_COLUMNS + 5))))) == MOST_COLUMNS
