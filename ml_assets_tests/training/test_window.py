"""Rows that are read a piece at a time are the rows of the whole table, in its types, bit for bit."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ml_assets.errors import FeatureMismatch, UnsupportedType
from ml_assets.problem import FeatureTable, TrainingData
from ml_assets.store import check_storable, open_store
from ml_assets.training import union, window
from ml_assets.training.model import fit
from ml_assets.training.rows import feature_table
from ml_assets.training.run import Run
from ml_assets.training.split import roles_alone, rows_of, training_data
from ml_assets.training.union import joined
from ml_assets.training.window import StoredRows, Window
from ml_assets.values import as_numpy
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.windows import window as window_of
from ml_assets_tests.doubles.world import trust_all

KINDS = {
    "whole numbers": ([1, 2, -3], ["int64", "Int64", "int8", "float64", "Float64"]),
    "large numbers": ([2**53 + 1, 5, 2**60], ["int64", "Int64", "uint64"]),
    "floats": ([1.5, 2.0, np.nan], ["float64", "Float64"]),
    "truths": ([True, False], ["bool", "boolean", "object"]),
    "text": (["a", "b", "c"], ["str"]),
    "categories": (["b", "a", "never"], ["category"]),
    "bytes": ([b"a", b"b"], ["object"]),
    "times": (["2024-01-01", "2024-01-02T00:00:01"], ["datetime64[ms]", "datetime64[us]", "datetime64[ns]"]),
    "instants": (["2024-01-01", "2024-01-02"], ["datetime64[us, UTC]", "datetime64[ms, UTC]"]),
    "nothing": ([None], ["object"]),
}
MISSING = {"Int64", "Float64", "boolean", "object", "str", "category", "float64"}
LIKE = {"whole numbers": ["large numbers", "floats", "nothing"], "truths": ["nothing"], "text": ["nothing", "truths"]}


@pytest.fixture(scope="module", autouse=True)
def small_pieces() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "MOST_ROWS", 3)
        patch.setattr(union, "PIECE_ROWS", 2)
        yield


@st.composite
def columns(draw: st.DrawFn, kind: str, rows: int) -> pd.Series:
    values, types = KINDS[draw(st.sampled_from([kind, kind, *LIKE.get(kind, [])]))]
    dtype = draw(st.sampled_from(types))
    drawn = draw(st.lists(st.sampled_from([*values, *([None] * (dtype in MISSING))]), min_size=rows, max_size=rows))
    if dtype == "category":
        return pd.Series(pd.Categorical(drawn, categories=draw(st.permutations(values))))
    return pd.Series(drawn, dtype="object" if dtype == "object" else None).astype(dtype)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, FeatureTable]:
    kinds = draw(st.lists(st.sampled_from([*KINDS]), min_size=1, max_size=4))
    found = {}
    for month in range(draw(st.integers(1, 3))):
        rows = draw(st.integers(0, 8))
        features = pd.DataFrame({f"{kind} {n}": draw(columns(kind, rows)) for n, kind in enumerate(kinds)})
        keys = pd.DataFrame({"id": [f"{month}-{n}" for n in range(rows)]}, dtype="str")
        keys = keys.assign(
            **{f"slice {n}": draw(columns(kind, rows)) for n, kind in enumerate(kinds[:2]) if draw(st.booleans())}
        )
        label = np.array(draw(st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=rows, max_size=rows)), dtype=float)
        found[f"2024-0{month + 1}"] = FeatureTable(keys, features, label)
    return found


def stored(of: Mapping[str, FeatureTable]) -> FeatureTable:
    """All rows of a window whose tables are in a store."""
    trust_all()
    store = open_store("memory://windows")
    return Window({month: store.opened(store.put(table)) for month, table in of.items()}).every_row()


def is_storable(table: FeatureTable) -> bool:
    """Whether its types come back: truths that are objects do only with a missing one among them."""
    trust_all()
    try:
        check_storable(table)
    except UnsupportedType:
        return False
    return True


def at_once(of: Mapping[str, FeatureTable]) -> FeatureTable:
    """The same, of tables in memory."""
    features = joined({month: table.features for month, table in of.items()}, "feature", strict=True)
    keys = joined({month: table.keys for month, table in of.items()}, "key")
    return FeatureTable(keys, as_numpy(features), np.concatenate([table.label for table in of.values()]))


def assert_same(found: FeatureTable, expected: FeatureTable) -> None:
    assert len(found) == len(expected)
    pd.testing.assert_frame_equal(found.keys, expected.keys, check_exact=True)
    pd.testing.assert_frame_equal(found.features, expected.features, check_exact=True)
    np.testing.assert_array_equal(found.label, expected.label)


@settings(max_examples=30, deadline=None)
@given(of=tables(), rows=st.integers(1, 7), data=st.data())
def test_batches_are_the_whole_table_in_its_types_whatever_the_partitions_hold(of, rows, data):
    assume(all(map(is_storable, of.values())))
    try:
        whole = at_once(of)
    except FeatureMismatch as mismatch:
        with pytest.raises(FeatureMismatch) as refused:
            _ = stored(of).features
        assert str(refused.value) == str(mismatch)
        return
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(whole), max_size=len(whole))), dtype=bool)
    found, expected = stored(of).rows(mask), whole.rows(mask)
    batches = list(found.batches(rows))
    assert "features" not in vars(found), "nothing is held for who asks for batches"
    for n, batch in enumerate(batches):
        assert_same(batch, expected.rows(np.arange(n * rows, min((n + 1) * rows, len(expected)))))
    assert sum(map(len, batches)) == len(expected)
    assert_same(found, expected)
    assert list(map(len, expected.batches(rows))) == list(map(len, batches))


def months(rows: int = 7) -> dict[str, FeatureTable]:
    return {
        month: feature_table(umbrellas.PROBLEM, [], umbrellas.visits(month, rows)) for month in ("2024-01", "2024-02")
    }


def test_rows_at_positions_in_any_order_and_more_than_once_are_those_of_a_table_in_memory():
    found, whole = stored(months()).rows(np.arange(14) % 3 > 0), at_once(months()).rows(np.arange(14) % 3 > 0)
    for at in ([0, 2, 5], [5, 2, 2, 0], []):
        positions = np.array(at, dtype=int)
        assert_same(found.rows(positions), whole.rows(positions))


def test_a_field_that_is_asked_for_is_read_and_the_others_are_not():
    table = stored(months())
    assert len(table) == 14
    table.label[0] = 7.0
    assert table.label[0] == 7.0, "it is the asker's own"
    assert {"keys", "features"}.isdisjoint(vars(table))
    with pytest.raises(AttributeError, match=r"has no 'labels'\. It has keys, features, label"):
        _ = table.labels


def test_rows_with_another_field_or_in_another_process_are_a_table_like_any_other():
    table = stored(months())
    assert type(dataclasses.replace(table, label=table.label * 2)) is FeatureTable
    for other in (copy.deepcopy(table), pickle.loads(pickle.dumps(table))):
        assert type(other) is FeatureTable
        assert_same(other, table)


def test_rows_are_told_apart_by_the_role_alone_which_comes_in_batches():
    roles = np.resize(["train", "train", "validation", "test", "superseded"], 14)
    batches = [pd.DataFrame({"role": roles[:5]}), pd.DataFrame({"role": roles[5:]})]
    data = training_data(stored(months()), roles_alone(batches))
    for part, role in ((data.train, "train"), (data.validation, "validation")):
        assert isinstance(part, StoredRows)
        assert_same(part, rows_of(at_once(months()), pd.DataFrame({"role": roles}), role))


# ---------------------------------------------------------------- in a training


def with_shops(of: FeatureTable, *shops: str | None) -> FeatureTable:
    shop = pd.Categorical(np.resize(np.array(shops, dtype=object), len(of)))
    return dataclasses.replace(of, features=of.features.assign(shop=shop))


def cut(rows: FeatureTable) -> TrainingData:
    return TrainingData(rows.rows(np.arange(14) < 8), rows.rows(np.arange(14) >= 10))


def test_a_training_sees_the_same_batches_of_a_store_as_of_tables_in_memory_with_the_categories_of_its_train_rows():
    january, february = months().values()
    of = {"2024-01": with_shops(january, "oak", "ash", None), "2024-02": with_shops(february, "elm", "oak", "birch")}
    seen: list[list[FeatureTable]] = []

    def train(data, params, run):
        seen.append([*data.train.batches(3), *data.validation.batches(3), data.train, data.validation])
        return "nothing"

    problem = dataclasses.replace(umbrellas.PROBLEM, train=train)
    rows = [cut(stored(of)), cut(at_once(of)), cut(window_of(of))]
    models = [fit(problem, data, problem.params, Run(seed=0, report=print)) for data in rows]
    assert models[0] == models[1] == models[2]
    assert models[0].categories["shop"]["categories"] == ["ash", "elm", "oak"]
    for other in seen[1:]:
        for found, expected in zip(seen[0], other, strict=True):
            assert_same(found, expected)
    assert seen[0][-1].features["shop"].isna().any(), "birch is not among the train rows"


def test_what_a_training_does_to_its_rows_reaches_nobody_who_reads_them_again():
    table = stored(months())

    def train(data, params, run):
        for rows in (data.train, *data.train.batches(2)):
            rows.features.loc[:, "clouds"] = 0.0
            rows.label[:] = 1.0
        return "nothing"

    fit(
        dataclasses.replace(umbrellas.PROBLEM, train=train), TrainingData(table, table), None, Run(seed=0, report=print)
    )
    assert_same(table, at_once(months()))
