"""Networks of torch as ONNX, from what a problem says of its network; and models that are ONNX already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_assets.exports.conversion import OPSET, Unconvertible, named
from ml_assets.exports.graph import Converted, Fed, Number
from ml_assets.training.network import Codes, Numbers

if TYPE_CHECKING:
    from ml_assets.exports.asked import Asked


def network_of_torch(asked: Asked, number: Number) -> Converted:
    """By torch.onnx, from what the problem says of its network."""
    import torch

    if asked.problem.network is None:
        raise Unconvertible("the problem says nothing of its network")
    network = asked.problem.network(asked.model.estimator)
    inputs = {name: _fed_to(of) for name, of in network.inputs.items()}
    rows = torch.export.Dim.DYNAMIC
    program = torch.onnx.export(
        network.module.eval().cpu(),
        tuple(_example(fed) for fed in inputs.values()),
        input_names=list(inputs),
        output_names=["answer"],
        dynamic_shapes=tuple({0: rows} for _ in inputs),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise Unconvertible("torch.onnx returned nothing")
    return Converted(program.model_proto, inputs, named("torch"))


def _fed_to(of: Numbers | Codes) -> Fed:
    if isinstance(of, Numbers):
        return Fed(of.columns, "float32", shape=of.shape)
    return Fed(tuple(of.columns), "int64", of.columns, other=0.0)


def _example(fed: Fed) -> Any:
    import torch

    rows = 3  # one or two would be taken for a size that always holds
    return torch.zeros((rows, *(fed.shape or (len(fed.columns),))), dtype=getattr(torch, fed.dtype))


def onnx_model(asked: Asked, number: Number) -> Converted:
    """A model that is ONNX already: one matrix of all features, or an input for each."""
    from onnx import TensorProto

    model, columns = asked.model.estimator, asked.model.columns
    weights = {one.name for one in model.graph.initializer}
    inputs = {one.name: one.type.tensor_type for one in model.graph.input if one.name not in weights}
    kinds = {
        TensorProto.FLOAT: "float32",
        TensorProto.DOUBLE: "float64",
        TensorProto.INT64: "int64",
        TensorProto.STRING: "string",
    }
    dtypes = {name: kinds.get(of.elem_type, "") for name, of in inputs.items()}
    if not all(dtypes.values()) or not (len(inputs) == 1 or set(inputs) <= set(columns)):
        raise Unconvertible(f"nothing says which features its inputs {', '.join(inputs)} are")
    by_name = set(inputs) <= set(columns)
    fed = {name: Fed((name,) if by_name else columns, dtype) for name, dtype in dtypes.items()}
    return Converted(model, fed, named("onnx"))
