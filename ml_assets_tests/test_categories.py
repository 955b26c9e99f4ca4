from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets import categories
from ml_assets.errors import FeatureMismatch

NOON = pd.to_datetime(["2024-01-01 12:00", "2023-01-01 12:00"], utc=True)


def frame(values, listed=None, *, ordered: bool = False) -> pd.DataFrame:
    """One column of categories, listed in this order; those that occur, sorted, without a list."""
    return pd.DataFrame({"shop": pd.Categorical(values, categories=listed, ordered=ordered)})


def listed(table: pd.DataFrame) -> list:
    return table["shop"].cat.categories.tolist()


def months(*frames: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {f"2024-{n:02d}": table for n, table in enumerate(frames, start=1)}


def small_to_large(*sizes) -> pd.DataFrame:
    return frame(sizes[:1], sizes, ordered=True)


# ---------------------------------------------------------------- a window


@pytest.mark.parametrize(
    ("tables", "together"),
    [
        ([frame(["ash", "birch"]), frame(["birch", "zelkova"])], ["ash", "birch", "zelkova"]),
        ([frame(["oak"]), frame(["ash"])], ["ash", "oak"]),
        ([frame(["oak", "ash"], ["oak", "ash"]), frame(["birch"])], ["oak", "ash", "birch"]),
        ([frame(["ash"], ["ash", "oak"]), frame(["ash"], ["oak", "ash"])], ["ash", "oak"]),
        ([frame([None]), frame(["ash"]), frame([None])], ["ash"]),
        ([frame(["ash"], ["ash", "never"]), frame(["oak"])], ["ash", "never", "oak"]),
        ([frame([3, 1]), frame([2])], [1, 2, 3]),
        ([frame([1, 2]), frame([2.5, 1.0])], [1, 2, 2.5]),
        ([frame(np.array([1], "int8")), frame(np.array([300], "int64"))], [1, 300]),
        ([frame(pd.array([2**53 + 1, None], "Int64")), frame([2**53])], [2**53, 2**53 + 1]),
        ([frame([True]), frame([False, True])], [False, True]),
        ([frame(NOON[:1]), frame(NOON[1:])], [NOON[1], NOON[0]]),
        ([frame(NOON[:1]), frame(NOON[1:].as_unit("ns").tz_convert("Europe/Helsinki"))], [NOON[1], NOON[0]]),
        ([small_to_large("S", "L"), small_to_large("S", "M", "L")], ["S", "M", "L"]),
        ([small_to_large("S", "M"), small_to_large("M", "L")], ["S", "M", "L"]),
        ([small_to_large(1, 3), small_to_large(1, 2)], [1, 2, 3]),
    ],
    ids=[
        "one more and one less", "nothing in common", "an order of their own", "another order", "months without any value",
        "one that no row has", "numbers", "whole numbers and fractions", "small and large integers",
        "nullable integers, next to each other", "truths", "times", "times in another zone", "a scale with a gap",
        "two halves of a scale", "a scale of numbers",
    ],
)  # fmt: skip
def test_months_with_other_categories_have_one_list_in_the_window_and_every_row_its_value(tables, together):
    united = categories.united(months(*tables))
    assert [listed(table) for table in united] == [together] * len(tables)
    assert len({str(table["shop"].cat.categories.dtype) for table in united}) == 1
    assert len({table["shop"].cat.ordered for table in united}) == 1
    for before, after in zip(tables, united, strict=True):
        assert after["shop"].dropna().tolist() == before["shop"].dropna().tolist()
        assert after["shop"].isna().tolist() == before["shop"].isna().tolist()
    window = pd.concat(united, ignore_index=True)["shop"]
    assert isinstance(window.dtype, pd.CategoricalDtype), "months stay categories when they are joined"


NAMES = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_equal_codes_mean_equal_values_whatever_the_months_hold_and_however_they_list_it(values, chance):
    tables = [frame(of, chance.sample(sorted(set(of)), len(set(of)))) for of in values]
    united = categories.united(months(*tables))
    meant = {}
    for table in united:
        for code, value in zip(table["shop"].cat.codes, table["shop"], strict=True):
            assert meant.setdefault(code, value) == value
    assert [list(table["shop"]) for table in united] == values


def test_what_all_months_have_alike_and_what_is_no_category_is_handed_on_as_it_is():
    one, two = frame(["ash"], ["oak", "ash"]).assign(x=1.0), frame(["oak"], ["oak", "ash"]).assign(x=2)
    assert all(after is before for after, before in zip(categories.united(months(one, two)), [one, two], strict=True))
    text = pd.DataFrame({"shop": ["ash"]})
    assert categories.united(months(one, text))[1] is text, "another type is for others to refuse"


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        (
            [small_to_large("S", "L"), small_to_large("L", "S")],
            r"The orders of the categories of 'shop' contradict each other \(.*\)\. 2024-01: 'S' < 'L'; 2024-02: 'L' < 'S'\. Let",
        ),
        (
            [small_to_large("S", "M"), small_to_large("M", "L"), small_to_large("L", "S")],
            r"contradict each other \(('S' < 'M' < 'L' < 'S'|'M' < 'L' < 'S' < 'M'|'L' < 'S' < 'M' < 'L')\)",
        ),
        (
            [small_to_large("S", "L"), small_to_large("S", "M")],
            r"Nothing says which category of 'shop' is higher, ('L' or 'M'|'M' or 'L')\. 2024-01: 'S' < 'L'; 2024-02: 'S' < 'M'",
        ),
        ([small_to_large(3, 1), small_to_large(3, 2)], r"Nothing says which category of 'shop' is higher"),
        ([small_to_large("S"), frame(["L"])], r"are ordered in 2024-01 and not ordered in 2024-02"),
        ([frame(["1"]), frame([1])], r"are of text in 2024-01 and of numbers in 2024-02\. .* the same kind of categories"),
        ([frame([True]), frame([None]), frame([1])], r"are of truths in 2024-01 and of numbers in 2024-03"),
        ([frame(NOON), frame(NOON.tz_localize(None))], r"are of times in 2024-01 and of times without a zone in 2024-02"),
        ([frame([2**53 + 1]), frame([0.5])], r"are float64 and int64 in other partitions, and no one type holds all"),
    ],
    ids=[
        "orders that contradict", "three that contradict", "orders that leave it open", "numbers against their order",
        "one without an order", "text and numbers", "truths and numbers", "times with and without a zone",
        "numbers that no type holds",
    ],
)  # fmt: skip
def test_categories_that_cannot_be_united_are_refused_with_the_months_and_what_to_do(tables, said):
    with pytest.raises(FeatureMismatch, match=said):
        categories.united(months(*tables))


# ---------------------------------------------------------------- a model


def test_a_model_knows_what_its_rows_have_in_the_order_of_the_list_and_a_scale_as_a_whole():
    table = frame(["oak", "ash"], ["oak", "never", "ash"])
    assert categories.learnt(table) == {"shop": {"categories": ["oak", "ash"], "dtype": "str", "ordered": False}}
    scale = frame(["S"], ["S", "M", "L"], ordered=True)
    assert categories.learnt(scale)["shop"]["categories"] == ["S", "M", "L"]
    assert categories.learnt(pd.DataFrame({"x": [1.0]})) == {}


def test_what_is_learnt_of_batches_is_learnt_of_all_of_them():
    shop = pd.Categorical(["oak", None, "ash", "oak"], categories=["never", "oak", "elm", "ash"])
    scale = pd.Categorical(["S", "S", "L", "L"], categories=["S", "M", "L"], ordered=True)
    table = pd.DataFrame({"shop": shop, "scale": scale, "x": 1.0})
    for rows in (1, 3, 9):
        batches = (table.iloc[n : n + rows] for n in range(0, 4, rows))
        assert categories.learnt_in(table.head(0), batches) == categories.learnt(table)


@pytest.mark.parametrize("rows", [slice(None), slice(1, 2), slice(0, 0)], ids=["all rows", "one row", "no row"])
@pytest.mark.parametrize(
    "given_list",
    [
        ["ash", "birch", "oak"],
        ["oak", "birch", "ash"],
        ["birch", "elm", "ash", "oak"],
        ["birch", "oak", "ash", "never"],
    ],
    ids=["the same", "another order", "more", "one that no row has"],
)
def test_codes_are_those_of_training_whatever_the_list_of_the_rows(given_list, rows):
    known = categories.learnt(frame(["oak", "birch", "ash"]))
    asked = frame(["birch", "oak", None, "ash"], given_list)
    cast = categories.cast(asked, known).iloc[rows]
    assert cast["shop"].cat.codes.tolist() == [1, 2, -1, 0][rows]
    assert categories.unseen(asked, known) == {}


def test_what_a_model_does_not_know_is_missing_and_counted():
    known = categories.learnt(frame(["oak", "ash"]))
    asked = frame(["elm", "oak", None, "fir", "elm"], ["elm", "oak", "never", "fir"])
    assert categories.cast(asked, known)["shop"].cat.codes.tolist() == [-1, 1, -1, -1, -1]
    assert categories.unseen(asked, known) == {"shop": 3}, "missing before is not unseen"


def test_of_a_feature_that_was_always_missing_every_value_is_unseen():
    known = categories.learnt(frame([None, None]))
    assert categories.cast(frame(["ash"]), known)["shop"].isna().all()
    assert categories.unseen(frame(["ash"]), known) == {"shop": 1}
    assert categories.other_kinds(frame(["ash"]), known) == {}


def test_numbers_are_the_same_category_in_another_type_and_text_is_another_kind():
    known = categories.learnt(frame([1, 2]))
    assert categories.cast(frame([2.0, 7.0]), known)["shop"].cat.codes.tolist() == [1, -1]
    assert categories.other_kinds(frame(["1"]), known) == {"shop": ("numbers", "text")}
    assert categories.other_kinds(frame([True]), known) == {"shop": ("numbers", "truths")}


@pytest.mark.parametrize(
    "table",
    [
        frame(["b", "a"], ["b", "a", "c"]),
        frame(["S"], ["S", "L"], ordered=True),
        frame([2**62 + 1, -5]),
        frame(np.array([2**64 - 1], "uint64")),
        frame(pd.array([2**53 + 1, None], "Int64")),
        frame([0.1, 2.5]),
        frame([True]),
        frame(NOON),
        frame(NOON.tz_convert("Europe/Helsinki").as_unit("ns")),
        frame(NOON.tz_localize(None)),
        frame([None]),
    ],
    ids=[
        "text", "a scale", "large integers", "unsigned", "nullable", "floats", "truths", "times", "another zone",
        "no zone", "none",
    ],
)  # fmt: skip
def test_a_list_comes_back_from_json_as_it_was(table):
    dtype = table["shop"].dtype
    assert categories.same_list(categories.restored(json.loads(json.dumps(categories.described(dtype)))), dtype)


def test_lists_in_another_order_are_not_the_same_although_pandas_calls_them_equal():
    one, other = frame(["a"], ["a", "b"])["shop"].dtype, frame(["a"], ["b", "a"])["shop"].dtype
    assert one == other
    assert not categories.same_list(one, other)
