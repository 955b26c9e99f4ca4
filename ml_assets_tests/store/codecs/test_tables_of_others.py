"""polars, Arrow, sparse arrays and ONNX: what every codec promises, and what must be as it was."""

from __future__ import annotations

import datetime
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import onnx
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from onnx import helper

from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.store import Store
from ml_assets.testing import check_codec, digest_of

POLARS = pl.DataFrame({
    "category": pl.Series(["a", "b", None], dtype=pl.Categorical),
    "categories": pl.Series([["a"], ["b", None], None], dtype=pl.List(pl.Categorical)),
    "enum": pl.Series(["x", None, "y"], dtype=pl.Enum(["y", "x", "never"])),
    "list": [[1, 2], [], None],
    "struct": [{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}],
    "decimal": [Decimal("1.10"), None, Decimal("2.00")],
    "duration": [datetime.timedelta(1)] * 3,
    "berlin": pl.Series([datetime.datetime(2020, 1, 1)] * 3).dt.replace_time_zone("Europe/Berlin"),
    "time": [datetime.time(1, 2, 3)] * 3,
    "nothing": [None] * 3,
    "bytes": [b"a", None, b""],
    "array": pl.Series([[1, 2], None, [3, None]], dtype=pl.Array(pl.Int8, 2)),
    "float": pl.Series([1, None, float("nan")], dtype=pl.Float32),
    "whole": pl.Series([2**63, None, 1], dtype=pl.UInt64),
    "truth": [True, None, False],
})  # fmt: skip
ARROW = pa.table({
    "dictionary": pa.DictionaryArray.from_arrays(pa.array([0, None, 2], pa.int8()), pa.array(["x", "never", "y"])),
    "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    "half": pa.array([1, 2, None], pa.float16()),
    "whole": pa.array([9007199254740993, None, 3]),
    "seconds": pa.array([1, 2, None], pa.time32("s")),
}).replace_schema_metadata({"b": "1", "a": "2"})  # fmt: skip
SPARSE = scipy.sparse.random_array((20, 10), density=0.3, rng=np.random.default_rng(0), format="csr")


def same_polars(one: Any, other: Any) -> bool:
    return one.schema == other.schema and one.equals(other)


def same_arrow(one: Any, other: Any) -> bool:
    return one.schema.equals(other.schema, check_metadata=True) and one.to_pydict() == other.to_pydict()


def test_a_polars_frame_comes_back_with_its_types_however_it_was_put_together() -> None:
    in_chunks = pl.concat([POLARS[:1], POLARS[1:]], rechunk=False)
    out_of_more = pl.concat([POLARS[1:], POLARS, POLARS])[2:5]
    check_codec(POLARS, same=same_polars, twins=[in_chunks, out_of_more], codec="arrow")


@pytest.mark.parametrize("frame", [POLARS[:0], pl.DataFrame()], ids=["without rows", "without anything"])
def test_an_empty_polars_frame_keeps_its_types(frame: pl.DataFrame) -> None:
    check_codec(frame, same=same_polars)


def test_an_arrow_table_comes_back_with_dictionaries_nesting_and_notes() -> None:
    in_chunks = pa.concat_tables([ARROW[:1], ARROW[1:]])
    noted = ARROW.replace_schema_metadata({"a": "2", "b": "1"})
    check_codec(ARROW, same=same_arrow, twins=[in_chunks, pa.concat_tables([ARROW, ARROW])[3:], noted], codec="arrow")


def hidden(value: int) -> dict[str, pa.Array]:
    """The same values, with ``value`` in memory where one is missing."""
    bits, data = pa.py_buffer(b"\x05"), pa.py_buffer(np.array([1, value, 3]).tobytes())
    flat, mask = pa.Array.from_buffers(pa.int64(), 3, [bits, data]), pa.array([False, True, False])
    ends = pa.array([0, 1, 2, 3], pa.int32())
    struct = pa.StructArray.from_arrays([pa.array([1, value, 3]), flat], ["a", "b"], mask=mask)
    return {
        "flat": flat,
        "struct": struct,
        "list": pa.ListArray.from_arrays(ends, pa.array([1, value, 3]), mask=mask),
        "list of structs": pa.ListArray.from_arrays(ends, struct),
        "dictionary": pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), flat),
    }


@pytest.mark.parametrize("name", hidden(0))
def test_what_lies_where_a_value_is_missing_is_no_part_of_a_table(name: str) -> None:
    assert digest_of(pa.table({"x": hidden(5)[name]})) == digest_of(pa.table({"x": hidden(9)[name]}))


def test_categories_made_before_do_not_show_in_a_digest() -> None:
    before = digest_of(POLARS)
    kept = pl.Series(["q", "b", "a"], dtype=pl.Categorical)
    again = POLARS.with_columns(pl.Series("category", ["a", "b", None], dtype=pl.Categorical))
    assert len(kept) == 3
    assert digest_of(again) == before


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_a_sparse_array_comes_back_in_its_form(form: str, kind: str) -> None:
    made = getattr(scipy.sparse, f"{form}_{kind}")(SPARSE)
    check_codec(made, same=lambda a, b: (a != b).nnz == 0 and a.dtype == b.dtype, twins=[made.copy()], codec="sparse")


def test_order_and_repetition_are_no_part_of_a_sparse_array() -> None:
    twice = scipy.sparse.coo_array(([1.0, 2, 3], ([0, 1, 0], [1, 1, 1])), shape=(2, 2))
    once = scipy.sparse.coo_array(([2.0, 4], ([1, 0], [1, 1])), shape=(2, 2))
    assert digest_of(twice) == digest_of(once)
    assert twice.nnz == 3, "the value itself is not touched"


def linear() -> onnx.ModelProto:
    given = [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 2])]
    answer = [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None, 1])]
    weights = [helper.make_tensor("w", onnx.TensorProto.FLOAT, [2, 1], [1.0, 2.0])]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", given, answer, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def with_weights_outside() -> onnx.ModelProto:
    model = linear()
    weights = model.graph.initializer[0]
    weights.ClearField("float_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    return model


def test_an_onnx_model_comes_back() -> None:
    check_codec(linear(), same=lambda a, b: a == b, twins=[linear()], codec="onnx")


def test_an_onnx_model_that_names_a_file_is_refused_both_ways(store: Store) -> None:
    outside = with_weights_outside()
    with pytest.raises(UnsupportedType, match=r"'w' lies in another file\. .*load_external_data_for_model"):
        store.put(outside)
    content, data = store.put(linear()), store.put(outside.SerializeToString().decode("latin-1"))
    assert data.codec == "json"
    with pytest.raises(UnreadableContent, match="not what the codec 'onnx' writes"):
        store.get(replace(content, files=(replace(data.files[0], path="model.onnx"),)))


REFUSED: dict[str, tuple[Any, str]] = {
    "polars Int128": (pl.DataFrame({"x": pl.Series([1], dtype=pl.Int128)}), r"Arrow does not have: .*Cast it"),
    "text views": (pa.table({"x": pa.array(["a"], pa.string_view())}), r"cannot write alone: .*Convert that column"),
    "sparse by diagonals": (scipy.sparse.dia_array((3, 3)), r"A dia_array of 2 dimensions .*Convert it: \.tocsr\(\)"),
    "an invalid graph": (onnx.ModelProto(), r"would not be loaded again"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_not_come_back_is_refused_with_what_to_do(store: Store, name: str) -> None:
    value, said = REFUSED[name]
    with pytest.raises(UnsupportedType, match=said):
        store.put(value)
