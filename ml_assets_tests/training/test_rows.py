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
    "change",
    [lambda table: table.drop(columns="above_usual"), lambda table: table.astype({"above_usual": "float32"})],
    ids=["a feature is missing", "a feature has another type"],
)
def test_tables_with_other_features_than_the_newest_are_not_joined(change):
    one, two = (feature_table(umbrellas.PROBLEM, [], data) for data in (JANUARY, FEBRUARY))
    with pytest.raises(FeatureMismatch) as refused:
        concatenate({"2024-01": dataclasses.replace(one, features=change(one.features)), "2024-02": two})
    assert str(refused.value) == (
        "The features of 2024-01 and of 2024-02 differ in 'above_usual': the problem's features() changed between them. "
        "Missing features are never filled in; materialize the features of 2024-01 again."
    )


def test_months_whose_categories_differ_are_joined_as_categories_in_features_and_keys():
    one, two = (feature_table(umbrellas.PROBLEM, [], data) for data in (JANUARY, FEBRUARY))

    def labelled(table, *shops):
        shop = pd.Categorical(np.resize(shops, len(table)))
        return dataclasses.replace(table, features=table.features.assign(shop=shop), keys=table.keys.assign(shop=shop))

    both = concatenate({"2024-01": labelled(one, "ash", "oak"), "2024-02": labelled(two, "birch", "oak")})
    for frame in (both.features, both.keys):
        assert frame["shop"].cat.categories.tolist() == ["ash", "birch", "oak"]
        assert frame["shop"].tolist() == [*np.resize(["ash", "oak"], 5), *np.resize(["birch", "oak"], 7)]


def test_the_history_has_one_list_of_categories_for_all_of_its_months():
    seen = []
    problem = dataclasses.replace(
        umbrellas.PROBLEM, features=lambda history, data: (seen.append(history), data[["clouds"]])[1]
    )
    past = [JANUARY.assign(shop=pd.Categorical(["east"] * 5)), FEBRUARY.assign(shop=pd.Categorical(["west"] * 7))]
    feature_table(problem, past, FEBRUARY)
    assert seen[0]["shop"].dtype == pd.CategoricalDtype(["east", "west"])
