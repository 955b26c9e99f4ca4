from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_assets.lineage.reproduce.difference import first_difference
from ml_assets.store import Store, open_store, trust


@trust
@dataclass(frozen=True)
class Pair:
    left: dict
    right: np.ndarray


@pytest.fixture
def stores(tmp_path) -> tuple[Store, Store]:
    return open_store(str(tmp_path / "one")), open_store(str(tmp_path / "other"))


def difference(stores: tuple[Store, Store], old: object, new: object) -> str:
    one, other = stores
    return first_difference(one, one.put(old), other, other.put(new))


TABLE = pd.DataFrame({"a": [1.0, float("nan"), 3.0], "b": ["x", "y", None]})
CASES = {
    "a value": (TABLE, TABLE.assign(a=[1.0, float("nan"), 4.0]), ": column a, row 2: 3.0 recorded, 4.0 rebuilt"),
    "a missing value": (TABLE, TABLE.assign(b=["x", None, None]), ": column b, row 1: y recorded, None rebuilt"),
    "the last bit": (TABLE, TABLE.assign(a=[np.nextafter(1, 2), float("nan"), 3.0]), "row 0: 1.0 recorded, 1.0000000000000002"),
    "a row more": (TABLE.head(2), TABLE, ": column a, row 2: nothing recorded, 3.0 rebuilt"),
    "a column": (TABLE, TABLE.rename(columns={"b": "c"}), ": columns[1] is b recorded, c rebuilt"),
    "another type": (TABLE, TABLE.assign(a=[1, 2, 3]), ": column a is double recorded, int64 rebuilt"),
    "JSON": ({"x": {"y": [1, 2]}}, {"x": {"y": [1, 3]}}, ": x.y[1] is 2 recorded, 3 rebuilt"),
    "JSON with more": ({"x": 1}, {"x": 1, "y": 2}, ": y is nothing recorded, 2 rebuilt"),
    "an array": (np.array([1.0, 2.0]), np.array([1.0, 5.0]), ": [1] is 2.0 recorded, 5.0 rebuilt"),
    "an array of another shape": (np.zeros(2), np.zeros(3), ": float64 (2,) recorded, float64 (3,) rebuilt"),
    "a field": (Pair({"a": 1}, np.zeros(1)), Pair({"a": 1}, np.ones(1)), "rebuilt: [0] is 0.0 recorded, 1.0 rebuilt"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), CASES.values(), ids=CASES)
def test_the_first_value_that_differs_is_named(stores, old, new, said):
    found = difference(stores, old, new)
    assert said in found
    assert " recorded, " in found.partition(":")[0], "the digests"


def test_the_first_file_in_the_order_of_their_names_is_named(stores):
    found = difference(stores, Pair({"a": 1}, np.zeros(1)), Pair({"a": 2}, np.ones(1)))
    assert found.startswith("left/value.json ")


def test_a_file_that_only_one_has_is_named(stores):
    assert difference(stores, {"a": 1}, TABLE) == "table.parquet was rebuilt, and not recorded"


def test_where_the_recorded_bytes_are_gone_their_digests_still_tell(stores):
    one, other = stores
    recorded = one.put({"a": 1})
    (file,) = recorded.files
    (Path(one.url) / "blobs" / file.digest[:2] / file.digest).unlink()
    found = first_difference(one, recorded, other, other.put({"a": 2}))
    assert found.startswith(f"value.json {file.digest[:12]} recorded, ")
    assert "is gone" in found
