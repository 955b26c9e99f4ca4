"""From a converter's graph to one that strangers can feed: an input per column, named like it, and the output ``prediction``.

Numbers are one type throughout, float32 or float64, NaN where missing; text is text, empty where missing. What a model takes
as codes of categories, or side by side as a matrix, the graph makes of the columns itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ml_assets.exports.reading import Reading

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Number = Literal["float32", "float64"]
INSIDE = "model/"  # before the names of what the converter made: columns may have any name
PREDICTION = "prediction"


@dataclass(frozen=True)
class Fed:
    """An input of a converter's graph: columns side by side.

    Attributes:
        columns: names of features, in order.
        dtype: that the graph takes: ``float32``, ``float64``, ``int64`` or ``string``.
        codes: column -> value -> its code, for columns that the graph takes by codes.
        other: the code of every other value.
        shape: of one row, where that is not ``(columns,)``.
    """

    columns: tuple[str, ...]
    dtype: str
    codes: Mapping[str, Mapping[Any, float]] = field(default_factory=dict)
    other: float = float("nan")
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Converted:
    """What a converter made.

    Attributes:
        model: an ``onnx.ModelProto``.
        inputs: each of its inputs -> what it is fed with.
        by: the converter, with its version.
    """

    model: Any
    inputs: Mapping[str, Fed]
    by: str


def text_columns(types: pd.DataFrame) -> frozenset[str]:
    """The columns that hold text, also as categories."""
    import pandas as pd

    def is_text(dtype: Any) -> bool:
        values = dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype
        return not pd.api.types.is_numeric_dtype(values)

    return frozenset(str(name) for name, dtype in types.dtypes.items() if is_text(dtype))


def with_columns(converted: Converted, text: frozenset[str], number: Number) -> Any:
    """The converter's model with an input per column; its outputs have ``INSIDE`` before their names."""
    import onnx
    from onnx import compose, helper

    inner = compose.add_prefix(converted.model, INSIDE)
    used = list(dict.fromkeys(column for fed in converted.inputs.values() for column in fed.columns))
    before = [node for name, fed in converted.inputs.items() for node in _fed(f"{INSIDE}{name}", fed, text)]
    graph = helper.make_graph(
        [*before, *inner.graph.node],
        "model",
        [
            helper.make_tensor_value_info(name, _type("string" if name in text else number), ["rows", 1])
            for name in used
        ],
        list(inner.graph.output),
        initializer=list(inner.graph.initializer),
    )
    made = helper.make_model(
        graph, opset_imports=_opsets(inner), functions=list(inner.functions), producer_name="ml_assets"
    )
    made.ir_version = max(inner.ir_version, onnx.IR_VERSION_2023_5_5)
    return made


def with_prediction(model: Any, reading: Reading, width: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """The same with the one output ``prediction``; what only other outputs need is left out.

    Args:
        width: how many columns the output has that is read.
        shape: of an answer without its rows.
        dtype: of the output.
    """
    import onnx
    from onnx import helper

    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    whole.graph.node.extend(reading.nodes(width))
    del whole.graph.output[:]
    whole.graph.output.append(helper.make_tensor_value_info(PREDICTION, _type(str(dtype)), ["rows", *shape]))
    _drop_unused(whole.graph)
    onnx.checker.check_model(whole)
    return whole


def feed(inputs: Mapping[str, str], features: pd.DataFrame) -> dict[str, np.ndarray]:
    """What onnxruntime is given, as docs/EXPORT.md says it: name -> type, and the rows."""
    return {name: _column(features[name], dtype) for name, dtype in inputs.items()}


def _column(column: pd.Series, dtype: str) -> np.ndarray:
    """One column as (rows, 1)."""
    import numpy as np
    import pandas as pd

    values = column.astype(object) if isinstance(column.dtype, pd.CategoricalDtype) or dtype == "string" else column
    if dtype == "string":
        return values.where(column.notna(), "").to_numpy(dtype=object).reshape(-1, 1)
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite
        return numbers.astype(dtype).reshape(-1, 1)


def _fed(target: str, fed: Fed, text: frozenset[str]) -> list[Any]:
    """Nodes from the columns to an input of the graph."""
    from onnx import helper

    nodes, parts = [], []
    for place, column in enumerate(fed.columns):
        name = f"{target} {place}"
        nodes += _one(column, name, fed, is_text=column in text)
        parts.append(name)
    side_by_side = f"{target} matrix" if fed.shape else target
    nodes.append(helper.make_node("Concat", parts, [side_by_side], axis=1))
    return [*nodes, *(_reshaped(side_by_side, target, fed.shape) if fed.shape else [])]


def _one(column: str, name: str, fed: Fed, *, is_text: bool) -> list[Any]:
    from onnx import helper

    if column not in fed.codes:
        if fed.dtype == "string":
            return [helper.make_node("Identity", [column], [name])]
        return [helper.make_node("Cast", [column], [name], to=_type(fed.dtype))]
    codes = fed.codes[column]
    keys: dict[str, Any] = (
        {"keys_strings": list(map(str, codes))} if is_text else {"keys_floats": list(map(float, codes))}
    )
    values: dict[str, Any] = {"values_floats": list(map(float, codes.values())), "default_float": fed.other}
    asked = [] if is_text else [helper.make_node("Cast", [column], [f"{name} asked"], to=_type("float32"))]
    encode = helper.make_node(
        "LabelEncoder",
        [column if is_text else f"{name} asked"],
        [f"{name} code"],
        domain="ai.onnx.ml",
        **keys,
        **values,
    )
    return [*asked, encode, helper.make_node("Cast", [f"{name} code"], [name], to=_type(fed.dtype))]


def _reshaped(source: str, target: str, shape: tuple[int, ...]) -> list[Any]:
    import numpy as np
    from onnx import helper, numpy_helper

    wanted = numpy_helper.from_array(np.array([-1, *shape], np.int64))
    constant = helper.make_node("Constant", [], [f"{target} shape"], value=wanted)
    return [constant, helper.make_node("Reshape", [source, f"{target} shape"], [target])]


def _type(dtype: str) -> int:
    from onnx import TensorProto

    kinds = {
        "string": TensorProto.STRING,
        "float32": TensorProto.FLOAT,
        "float64": TensorProto.DOUBLE,
        "int64": TensorProto.INT64,
    }
    return int(kinds[dtype])


def _opsets(model: Any) -> list[Any]:
    """What the model imports, and what our own nodes need where it has none of its own."""
    from onnx import helper

    known = {one.domain: one.version for one in model.opset_import}
    return [helper.make_opsetid(domain, version) for domain, version in {"": 15, "ai.onnx.ml": 3, **known}.items()]


def _drop_unused(graph: Any) -> None:
    """Nodes and initializers from which no output is made."""
    needed, kept = {output.name for output in graph.output}, []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input) | _captured(node)
    weights = [one for one in graph.initializer if one.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(weights)


def _captured(node: Any) -> set[str]:
    """What graphs inside of a node (branches, loops) read from outside, and more."""
    inside = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    return {name for graph in inside for inner in graph.node for name in {*inner.input} | _captured(inner)}
