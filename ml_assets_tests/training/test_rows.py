from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import FeatureMismatch, InvalidProblem
from ml_assets.training.rows import concatenate, feature_table
from ml_assets_tests.doubles import ice_cream, umbrellas

JANUARY, FEBRUARY = umbrellas.visits("2024-01", rows=5), umbrellas.visits("2024-02", rows=7)


def test_a_table_has_what_identifies_the_rows_apart_from_what_is_known_of_them():
    table = feature_table(umbrellas.PROBLEM, [], FEBRUARY)
    assert list(table.keys.columns) == ["visit", "at", "shop"]
    assert list(table.features.columns) == ["clouds", "above_usual", "shop"]
    assert "bought" not in {*table.keys.columns, *table.features.columns}
    np.testing.assert_array_equal(table.label, FEBRUARY["bought"])


def test_features_are_given_the_history_and_none_where_there_is_none():
    usual = JANUARY["clouds"].mean()
    with_history = feature_table(umbrellas.PROBLEM, [JANUARY], FEBRUARY)
    np.testing.assert_allclose(with_history.features["above_usual"], FEBRUARY["clouds"] - usual)
    without = feature_table(umbrellas.PROBLEM, [], FEBRUARY)
    np.testing.assert_array_equal(without.features["above_usual"], FEBRUARY["clouds"])


def test_a_missing_label_is_no_number():
    data = ice_cream.sales("north", days=3).assign(cones=pd.array([4, None, 6], dtype="Int64"))
    np.testing.assert_array_equal(feature_table(ice_cream.PROBLEM, [], data).label, [4, np.nan, 6])


def test_rows_keep_their_order_whatever_their_index_was():
    shuffled = FEBRUARY.iloc[::-1]
    table = feature_table(umbrellas.PROBLEM, [], shuffled)
    assert list(table.keys.index) == list(table.features.index) == list(range(7))
    assert list(table.keys["visit"]) == list(shuffled["visit"])
    assert list(table.features["clouds"]) == list(shuffled["clouds"])


def test_features_that_lose_rows_are_refused():
    problem = dataclasses.replace(umbrellas.PROBLEM, features=lambda history, data: data[["clouds"]].iloc[1:])
    with pytest.raises(InvalidProblem) as refused:
        feature_table(problem, [], FEBRUARY)
    assert str(refused.value) == (
        "Problem 'umbrellas': features() returned 6 rows for 7 rows of data. "
        "Return one row per row of data, in the same order."
    )


def test_tables_are_joined_in_order():
    one, two = (feature_table(umbrellas.PROBLEM, [], data) for data in (JANUARY, FEBRUARY))
    both = concatenate({"2024-01": one, "2024-02": two})
    assert len(both) == len(both.keys) == len(both.features) == 12
    assert list(both.keys["visit"]) == [*JANUARY["visit"], *FEBRUARY["visit"]]
    np.testing.assert_array_equal(both.label, [*one.label, *two.label])


@pytest.mark.parametrize(
    ("value", "kind"),
    [([1, 2], "list"), ({"a": 1}, "dict"), (np.zeros(2), "ndarray"), ((1,), "tuple"), ({1}, "set")],
    ids=["list", "dict", "array", "tuple", "set"],
)
def test_features_that_hold_several_values_per_row_are_refused_by_name(value, kind):
    def features(history, data):
        return data[["clouds"]].assign(tags=pd.Series([None, *[value] * (len(data) - 1)], dtype=object))

    with pytest.raises(InvalidProblem) as refused:
        feature_table(dataclasses.replace(umbrellas.PROBLEM, features=features), [], FEBRUARY)
    assert str(refused.value) == (
        f"Problem 'umbrellas': features() returned 'tags', whose values are of type {kind}: a feature is one number, truth, "
        "time, text or category per row. Return a column for each item or field that the model needs, or a number made of "
        "them, and leave 'tags' out."
    )


def test_history_of_several_types_is_given_with_all_of_its_values():
    seen: list[pd.DataFrame] = []
    ids = [[2**53 + 1] * 5, pd.array([2**53 + 3, *[None] * 4], "Int64")]
    history = [JANUARY.assign(account=one) for one in ids]
    problem = dataclasses.replace(umbrellas.PROBLEM, features=lambda past, data: seen.append(past) or data[["clouds"]])
    feature_table(problem, history, FEBRUARY)
    assert seen[0]["account"].dropna().tolist() == [2**53 + 1] * 5 + [2**53 + 3]


def test_a_feature_that_lacks_a_value_in_one_month_is_a_float_in_the_window_and_an_id_beyond_floats_stays_whole():
    one, two = (feature_table(umbrellas.PROBLEM, [], data) for data in (JANUARY, FEBRUARY))
    visits, accounts = pd.array([3, None, *range(5)], "Int64"), pd.array([2**53 + 1, None, *range(5)], "Int64")
    both = concatenate(
        {
            "2024-01": dataclasses.replace(one, features=one.features.assign(visits=7, account=2**53 + 3)),
            "2024-02": dataclasses.replace(two, features=two.features.assign(visits=visits, account=accounts)),
        }
    ).features
    assert (both["visits"].dtype, str(both["account"].dtype)) == (np.float64, "Int64")
    np.testing.assert_array_equal(both["visits"], [7] * 5 + [3, np.nan, 0, 1, 2, 3, 4])
    assert both["account"].dropna().tolist() == [2**53 + 3] * 5 + [2**53 + 1, 0, 1, 2, 3, 4]


def test_a_feature_whose_types_do_not_unite_is_refused_with_both_of_them():
    one, two = (feature_table(umbrellas.PROBLEM, [], data) for data in (JANUARY, FEBRUARY))
    rounded = one.features.astype({"above_usual": "float32"})
    with pytest.raises(FeatureMismatch) as refused:
        concatenate({"2024-01": dataclasses.replace(one, features=rounded), "2024-02": two})
    assert str(refused.value) == (
        "The feature 'above_usual' is float32 in 2024-01 and float64 in 2024-02, and no type holds the values of both as they "
        "are. Give it one type in every partition, in the problem's dataset() or features(), such as .astype('float64'); then "
        "materialize 2024-01 again."
    )


@pytest.mark.parametrize(
    "change",
    [lambda table: table.drop(columns="above_usual")],
    ids=["a feature is missing"],
)
def test_tables_with_other_features_than_the_newest_are_not_joined(change):
    one, two = (feature_table(umbrellas.PROBLEM, [], data) for data in (JANUARY, FEBRUARY))
    with pytest.raises(FeatureMismatch) as refused:
        concatenate({"2024-01": dataclasses.replace(one, features=change(one.features)), "2024-02": two})
    assert str(refused.value) == (
        "The features of 2024-01 and of 2024-02 differ in 'above_usual': the problem's features() changed between them. "
        "Missing features are never filled in; materialize the features of 2024-01 again."
    )
