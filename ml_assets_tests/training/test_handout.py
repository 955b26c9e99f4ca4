from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.problem import FeatureTable
from ml_assets.training.handout import in_order, moved, numbered, own, own_rows


def everything() -> pd.DataFrame:
    """A column of each kind that pandas keeps in another way."""
    return pd.DataFrame(
        {
            "float": [1.0, np.nan, 3.0],
            "int": [1, 2, 3],
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "text": ["x", "y", None],
            "category": pd.Categorical(["u", "v", "u"]),
            "at": pd.to_datetime(["2024-01-01", "2024-01-02", None], utc=True),
            "day": pd.to_datetime(["2024-01-01", "2024-01-02", None]),
            "list": [[1], [2], None],
            "dict": [{"a": [1]}, None, {}],
            "array": [np.zeros(2), None, np.ones(1)],
            "mixed": [1, [2], "x"],
        },
        index=pd.Index([5, 6, 7], name="row"),
    )


def force(values: np.ndarray) -> None:
    values.flags.writeable = True
    values[0] = 9


def through_torch(values: np.ndarray) -> None:
    import torch

    torch.from_numpy(np.require(values, requirements="W") if values.flags.writeable else values).add_(9)


EDITS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "a column is set": lambda f: f.__setitem__("float", 0.0),
    "a column is added": lambda f: f.__setitem__("new", 0.0),
    "a column is dropped": lambda f: f.__delitem__("float"),
    "a column is popped": lambda f: f.pop("text"),
    "columns are renamed": lambda f: setattr(f, "columns", [*"abcdefghijkl"]),
    "a cell by label": lambda f: f.loc.__setitem__((5, "float"), 9.0),
    "a cell by place": lambda f: f.iloc.__setitem__((0, 0), 9.0),
    "a cell of text": lambda f: f.loc.__setitem__((5, "text"), "z"),
    "rows are appended": lambda f: f.loc.__setitem__(8, f.loc[5]),
    "rows are dropped": lambda f: f.drop(index=5, inplace=True),
    "missing rows are dropped": lambda f: f.dropna(subset=["float"], inplace=True),
    "rows are sorted": lambda f: f.sort_values("float", ascending=False, inplace=True),
    "missing values are filled": lambda f: f.fillna({"float": 0.0}, inplace=True),
    "the index is reset": lambda f: f.reset_index(inplace=True),
    "the index is another": lambda f: setattr(f, "index", [0, 1, 2]),
    "the index has another name": lambda f: setattr(f.index, "name", "other"),
    "attrs": lambda f: f.attrs.__setitem__("by", "me"),
    "the array of floats": lambda f: f["float"].array.__setitem__(0, 9.0),
    "the array of a nullable": lambda f: f["nullable"].array.__setitem__(0, 9),
    "the values of a nullable": lambda f: f["nullable"].values.__setitem__(0, 9),
    "the array of flags": lambda f: f["flag"].array.__setitem__(0, False),
    "the array of categories": lambda f: f["category"].array.__setitem__(0, "v"),
    "the array of times": lambda f: f["at"].array.__setitem__(0, pd.Timestamp("2030-01-01", tz="UTC")),
    "the array of days": lambda f: f["day"].array.__setitem__(0, pd.Timestamp("2030-01-01")),
    "an array made writable": lambda f: force(f["float"].to_numpy()),
    "the whole made writable": lambda f: force(f[["float", "int"]].to_numpy()),
    "a list in a cell": lambda f: f["list"].iloc[0].append(2),
    "a dict in a cell": lambda f: f["dict"].iloc[0]["a"].append(2),
    "an array in a cell": lambda f: f["array"].iloc[0].__setitem__(0, 9.0),
    "a list among others": lambda f: f["mixed"].iloc[1].append(9),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:The inplace keyword")
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_whatever_is_done_to_a_copy_the_original_stays(edit):
    frame, copy = everything(), own(everything())
    pd.testing.assert_frame_equal(copy, frame)
    copy = own(frame)
    edit(copy)
    pd.testing.assert_frame_equal(frame, everything())
    assert frame.attrs == {}


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_what_torch_makes_of_a_copy_is_not_the_original():
    frame = everything()
    through_torch(own(frame)["float"].to_numpy())
    pd.testing.assert_frame_equal(frame, everything())


def test_a_frame_with_two_columns_of_one_name_and_one_without_any_are_copied():
    twice = pd.DataFrame([[[1], [2]]], columns=["a", "a"])
    own(twice).iloc[0, 0].append(9)
    assert twice.to_numpy().tolist() == [[[1], [2]]]
    pd.testing.assert_frame_equal(own(pd.DataFrame(index=[1, 2])), pd.DataFrame(index=[1, 2]))


def test_a_training_gets_tables_and_labels_that_it_can_write_into():
    table = FeatureTable(everything()[["text"]], everything()[["float"]], np.array([0.0, 1.0, np.nan]))
    given = own_rows(table)
    given.label[:] = 7.0
    given.keys["text"] = "z"
    given.features["more"] = 1.0
    np.testing.assert_array_equal(table.label, [0.0, 1.0, np.nan])
    pd.testing.assert_frame_equal(table.keys, everything()[["text"]])
    pd.testing.assert_frame_equal(table.features, everything()[["float"]])


@pytest.mark.parametrize(
    ("index", "is_kept"),
    [
        (pd.RangeIndex(3), False),
        (pd.Index([4, 2, 9]), False),
        (pd.Index([0, 0, 1]), False),
        (pd.Index([4, 2, 9], name="row"), True),
        (pd.Index(["a", "b", "c"]), True),
        (pd.DatetimeIndex(["2024-01-01"] * 3), True),
        (pd.MultiIndex.from_tuples([(0, 1), (0, 2), (1, 1)]), True),
    ],
    ids=["default", "filtered", "concatenated", "named", "text", "times", "levels"],
)
def test_an_index_that_says_nothing_is_made_anew(index, is_kept):
    found = numbered(pd.DataFrame({"x": [1, 2, 3]}, index=index))
    assert found.index.equals(index if is_kept else pd.RangeIndex(3))
    assert found["x"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("returned", "given", "order"),
    [
        ([0, 1, 2], [0, 1, 2], [0, 1, 2]),
        ([2, 0, 1], [0, 1, 2], [1, 2, 0]),
        ([2.0, 0.0, 1.0], [0, 1, 2], [1, 2, 0]),
        (["c", "a", "b"], ["a", "b", "c"], [1, 2, 0]),
        ([1, 0, 2], [2, 1, 0], [2, 0, 1]),
        (["a", "a", "b"], ["a", "a", "b"], [0, 1, 2]),
        ([0, 1, 3], [0, 1, 2], None),
        ([0, 1], [0, 1, 2], None),
        ([0, 1, 1], [0, 1, 2], None),
        (["a", "b", "a"], ["a", "a", "b"], None),
        (pd.MultiIndex.from_tuples([(0, 0), (0, 1), (1, 2)]), [0, 1, 2], None),
        (pd.interval_range(-1, 2), [0, 1, 2], None),
        (pd.DatetimeIndex(["2024-01-02", "2024-01-01"]), pd.DatetimeIndex(["2024-01-01", "2024-01-02"]), [1, 0]),
        (pd.array([2, 0, 1], dtype="Int64"), [0, 1, 2], [1, 2, 0]),
        ([], pd.DatetimeIndex([]), []),
    ],
    ids=[
        "the same", "sorted", "as floats", "text", "from backwards", "repeated, the same", "another label", "fewer",
        "a label twice", "repeated, another order", "grouped", "intervals", "times", "nullable", "no rows",
    ],
)  # fmt: skip
def test_rows_are_put_into_the_order_of_an_index_that_theirs_is_a_permutation_of(returned, given, order):
    frame = pd.DataFrame({"place": range(len(returned))}, index=returned)
    for rows in (frame, frame["place"]):
        found = in_order(rows, pd.Index(given))
        assert (None if found is None else np.ravel(found).tolist()) == order


NUMBERS = pd.Series([3.0, 1.0, np.nan, 2.0])


@pytest.mark.parametrize(
    ("column", "original", "is_moved"),
    [
        (NUMBERS, NUMBERS, False),
        (NUMBERS.sort_values(ignore_index=True), NUMBERS, True),
        (NUMBERS.sort_values(), NUMBERS, True),
        (NUMBERS + 1, NUMBERS, False),
        (NUMBERS.fillna(0.0), NUMBERS, False),
        (NUMBERS.sort_values(ignore_index=True).astype("float32"), NUMBERS, False),
        (pd.Series(["b", "a", "c"]), pd.Series(["a", "b", "c"]), True),
        (pd.Series(["b", "a", "c"], dtype="category"), pd.Series(["a", "b", "c"], dtype="category"), True),
        (pd.Series([True, False, False, True]), pd.Series([True, False, True, False]), False),
        (pd.Series([[1], [2]]), pd.Series([[2], [1]]), False),
        (pd.Series([], dtype=float), pd.Series([], dtype=float), False),
    ],
    ids=[
        "the same", "sorted, index lost", "sorted", "others", "filled", "another type", "text", "categories",
        "flags that are true equally often", "lists", "none",
    ],
)  # fmt: skip
def test_values_are_moved_where_the_same_ones_stand_in_other_rows(column, original, is_moved):
    assert moved(column, original) is is_moved
