from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import FeatureMismatch, InvalidProblem
from ml_assets.training.rows import feature_table
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.windows import window as window_of

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


@pytest.mark.parametrize(("duplicates", "seen"), [("refuse", 5 + 7), ("newest", 5 - 2 - 1 + 7 - 1)])
def test_of_rows_that_landed_again_the_history_has_the_newest_where_the_problem_says_so(duplicates, seen):
    history = []

    def features(past, data):
        history.append(past)
        return data[["clouds"]]

    problem = dataclasses.replace(umbrellas.PROBLEM, features=features, duplicates=duplicates)
    february = pd.concat([JANUARY.tail(2).assign(clouds=7.0), FEBRUARY.head(5)], ignore_index=True)
    march = pd.concat([JANUARY.head(1), FEBRUARY.head(1), umbrellas.visits("2024-03", rows=3)], ignore_index=True)
    feature_table(problem, [JANUARY, february], march)
    assert len(history[0]) == seen
    assert list(history[0].index) == list(range(seen))
    if duplicates == "newest":
        assert not history[0].duplicated(["visit", "at"]).any()
        assert (history[0]["clouds"] == 7.0).sum() == 2


def test_a_missing_label_is_no_number():
    data = ice_cream.sales("north", days=3).assign(cones=pd.array([4, None, 6], dtype="Int64"))
    np.testing.assert_array_equal(feature_table(ice_cream.PROBLEM, [], data).label, [4, np.nan, 6])


def test_rows_keep_their_order_whatever_their_index_was():
    shuffled = FEBRUARY.iloc[::-1]
    table = feature_table(umbrellas.PROBLEM, [], shuffled)
    assert list(table.keys.index) == list(table.features.index) == list(range(7))
    assert list(table.keys["visit"]) == list(shuffled["visit"])
    assert list(table.features["clouds"]) == list(shuffled["clouds"])


def by_hand(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"clouds": data["clouds"], "twice": 2 * data["clouds"], "rows": float(len(history))})


def after(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    both = pd.concat([history, data], ignore_index=True).sort_values("clouds")
    return by_hand(history, both[both.index >= len(history)])


IN_ANY_ORDER = {
    "as they are": by_hand,
    "sorted": lambda history, data: by_hand(history, data.sort_values("clouds")),
    "sorted at the end": lambda history, data: by_hand(history, data).sort_values("twice", ascending=False),
    "grouped": lambda history, data: data.groupby("shop", group_keys=False)[["clouds"]].apply(
        lambda shop: by_hand(history, shop)
    ),
    "shop by shop": lambda history, data: pd.concat(by_hand(history, shop) for _, shop in data.groupby("shop")),
    "shuffled": lambda history, data: by_hand(history, data.sample(frac=1, random_state=0)),
    "joined": lambda history, data: by_hand(history, data.merge(pd.DataFrame({"shop": ["east", "west"]}), how="left")),
    "after the history": lambda history, data: by_hand(
        history, pd.concat([history, data], ignore_index=True).iloc[len(history) :]
    ),
    "sorted after the history": after,
    "behind a history with the same labels": lambda history, data: by_hand(
        history, pd.concat([history, data]).iloc[len(history) :]
    ),
}
INDEXES = {
    "default": lambda data: data,
    "filtered": lambda data: data.set_axis([1, 4, 5, 6, 9, 12, 13]),
    "from backwards": lambda data: data.set_axis([6, 5, 4, 3, 2, 1, 0]),
    "concatenated": lambda data: data.set_axis([0, 1, 2, 0, 1, 2, 3]),
}


@pytest.mark.parametrize("with_index", INDEXES.values(), ids=INDEXES)
@pytest.mark.parametrize("history", [[], [JANUARY]], ids=["first", "later"])
@pytest.mark.parametrize("features", IN_ANY_ORDER.values(), ids=IN_ANY_ORDER)
def test_each_row_keeps_its_id_and_label_in_whatever_order_features_returns_them(features, history, with_index):
    problem, data = dataclasses.replace(umbrellas.PROBLEM, features=features), with_index(FEBRUARY)
    table = feature_table(problem, history, data)
    assert table.keys["visit"].tolist() == FEBRUARY["visit"].tolist()
    np.testing.assert_array_equal(table.label, FEBRUARY["bought"])
    expected = by_hand(pd.concat(history) if history else FEBRUARY.head(0), FEBRUARY)
    pd.testing.assert_frame_equal(table.features, expected)


def test_an_index_that_says_something_is_given_to_features_and_rows_are_known_by_it():
    data = FEBRUARY.set_index("at", drop=False)
    problem = dataclasses.replace(
        umbrellas.PROBLEM, features=lambda history, data: data.sort_values("clouds")[["clouds"]]
    )
    table = feature_table(problem, [], data)
    assert table.features["clouds"].tolist() == FEBRUARY["clouds"].tolist()


LOST = "Return a DataFrame with one row per row of data and the index that data has; in which order does not matter."
OTHER_ROWS = {
    "ids as index": (
        lambda history, data: data.set_index("visit")[["clouds"]],
        "rows with another index than data: '2024-02-00000' is not among the labels given, 0 to 6",
    ),
    "groups as index": (
        lambda history, data: data.groupby("shop")[["clouds"]].apply(lambda shop: shop),
        "rows with another index than data: ('east', ",
    ),
    "a row twice": (
        lambda history, data: data[["clouds"]].iloc[[0, 0, 1, 2, 3, 4, 5]],
        "rows with another index than data: 0 occurs more than once in the index returned",
    ),
    "labels of nobody": (
        lambda history, data: data[["clouds"]].set_axis(range(3, 10)),
        "rows with another index than data: 7 is not among the labels given, 0 to 6",
    ),
    "sorted without index": (
        lambda history, data: data.sort_values("clouds", ignore_index=True)[["clouds"]],
        "the values of 'clouds' in other rows than data has them: rows were sorted or joined and then lost their index",
    ),
    "joined from the right": (
        lambda history, data: data.head(3).merge(data.sort_values("clouds"), how="right")[["clouds"]],
        "the values of 'clouds' in other rows than data has them",
    ),
    "fewer": (lambda history, data: data[["clouds"]].iloc[1:], "6 rows for 7 rows of data"),
    "dropped in place": (
        lambda history, data: data.drop(index=[0, 1], inplace=True) or data[["clouds"]],
        "5 rows for 7 rows of data",
    ),
    "more": (lambda history, data: pd.concat([data, data])[["clouds"]], "14 rows for 7 rows of data"),
    "a column": (lambda history, data: data["clouds"], "Series, no DataFrame"),
    "an array": (lambda history, data: data[["clouds"]].to_numpy(), "ndarray, no DataFrame"),
    "nothing": (lambda history, data: None, "NoneType, no DataFrame"),
}


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize(("features", "words"), OTHER_ROWS.values(), ids=OTHER_ROWS)
def test_other_rows_than_those_of_data_are_refused_by_name(features, words):
    with pytest.raises(InvalidProblem) as refused:
        feature_table(dataclasses.replace(umbrellas.PROBLEM, features=features), [], FEBRUARY)
    assert str(refused.value).startswith(f"Problem 'umbrellas': features() returned {words}")
    assert str(refused.value).endswith(LOST)


def test_rows_of_an_index_that_repeats_keep_their_order_or_are_refused():
    data = FEBRUARY.set_axis(pd.Index([1, 1, 2, 3, 4, 5, 6], name="row"))
    assert feature_table(umbrellas.PROBLEM, [], data).features["clouds"].tolist() == FEBRUARY["clouds"].tolist()
    problem = dataclasses.replace(umbrellas.PROBLEM, features=lambda history, data: data[["clouds"]].iloc[::-1])
    with pytest.raises(InvalidProblem, match=r"1 occurs more than once in the index returned"):
        feature_table(problem, [], data)


def edits(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    found = umbrellas.features(history, data)
    for frame in (history, data):
        for name in [*frame.columns]:
            frame[name] = frame[name].iloc[0] if len(frame) else None
        frame.drop(index=frame.index[1:], inplace=True)
    return found


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize("history", [[], [JANUARY], [JANUARY, JANUARY]], ids=["none", "one", "two"])
def test_what_features_edits_in_place_reaches_neither_ids_nor_labels_nor_datasets(history):
    before = [frame.copy() for frame in (*history, FEBRUARY)]
    expected = feature_table(umbrellas.PROBLEM, history, FEBRUARY)
    table = feature_table(dataclasses.replace(umbrellas.PROBLEM, features=edits), history, FEBRUARY)
    pd.testing.assert_frame_equal(table.keys, expected.keys)
    pd.testing.assert_frame_equal(table.features, expected.features)
    np.testing.assert_array_equal(table.label, expected.label)
    for frame, was in zip((*history, FEBRUARY), before, strict=True):
        pd.testing.assert_frame_equal(frame, was)


def test_tables_are_joined_in_order():
    one, two = (feature_table(umbrellas.PROBLEM, [], data) for data in (JANUARY, FEBRUARY))
    both = window_of({"2024-01": one, "2024-02": two})
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
    both = window_of(
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
        _ = window_of({"2024-01": dataclasses.replace(one, features=rounded), "2024-02": two}).features
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
        _ = window_of({"2024-01": dataclasses.replace(one, features=change(one.features)), "2024-02": two}).features
    assert str(refused.value) == (
        "The features of 2024-01 and of 2024-02 differ in 'above_usual': the problem's features() changed between them. "
        "Missing features are never filled in; materialize the features of 2024-01 again."
    )


def test_months_whose_categories_differ_are_joined_as_categories_in_features_and_keys():
    one, two = (feature_table(umbrellas.PROBLEM, [], data) for data in (JANUARY, FEBRUARY))

    def labelled(table, *shops):
        shop = pd.Categorical(np.resize(shops, len(table)))
        return dataclasses.replace(table, features=table.features.assign(shop=shop), keys=table.keys.assign(shop=shop))

    both = window_of({"2024-01": labelled(one, "ash", "oak"), "2024-02": labelled(two, "birch", "oak")})
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


def test_a_group_that_no_column_is_of_is_refused_by_name():
    misspelt = dataclasses.replace(umbrellas.PROBLEM, group="custmer")
    with pytest.raises(InvalidProblem, match="group names 'custmer', which is no column of the dataset"):
        feature_table(misspelt, [], umbrellas.visits("2024-01"))
