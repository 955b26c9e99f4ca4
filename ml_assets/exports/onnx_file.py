"""One file, ``model.onnx``: an input per column, named like it, and the output ``prediction``.

Numbers go in as float32 or as float64: which is closer to the source differs from model to model, so both are tried on the test
rows where the converter can do both. How ``prediction`` is made of what the converter's graph says is found out likewise, see
``reading``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.errors import Refused
from ml_assets.exports.asked import Asked
from ml_assets.exports.compare import Comparison, compare
from ml_assets.exports.converters import CANNOT, Convert, converter_of, quiet
from ml_assets.exports.description import libraries
from ml_assets.exports.graph import PREDICTION, Number, feed, text_columns, with_columns, with_prediction
from ml_assets.exports.reading import closest

if TYPE_CHECKING:
    import numpy as np

FILE = "model.onnx"
NEEDS = ("onnx", "onnxruntime", "skl2onnx", "onnxmltools", "onnxscript")


@dataclass(frozen=True)
class Graph:
    """A graph that answers, and how far it is from the source."""

    model: Any
    number: Number
    by: str
    comparison: Comparison


def write(asked: Asked, folder: Path) -> dict[str, Any]:
    """Write the graph that comes closest; what ``export.json`` says of it."""
    try:
        best, tried = _closest(asked)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in NEEDS:
            raise
        raise Refused(
            f"To write ONNX, {error.name} is needed, and it is not installed. Nothing was written. "
            "Install it: pip install 'ml_assets[export]'."
        ) from error
    (folder / FILE).write_bytes(best.model.SerializeToString(deterministic=True))
    return {
        "file": FILE,
        "inputs": {one.name: _dtype(one) for one in best.model.graph.input},
        "shape_of_each_input": ["rows", 1],
        "output": PREDICTION,
        "opsets": {one.domain or "ai.onnx": one.version for one in best.model.opset_import},
        "converted_by": best.by,
        "tried": tried,
        "missing": "NaN in numbers, the empty text in text",
        "libraries": libraries("onnx", "onnxruntime"),
    }


def answers(asked: Asked, folder: Path, description: Mapping[str, Any]) -> np.ndarray:
    """What onnxruntime answers, given the file and what ``export.json`` says of its inputs."""
    given = feed(description["inputs"], asked.features)
    (answer,) = _run((folder / FILE).read_bytes(), given, [PREDICTION])
    return answer.astype(asked.answers.dtype)


def _closest(asked: Asked) -> tuple[Graph, dict[str, str]]:
    """The best of all types of numbers, and what came of each.

    Raises:
        Refused: if none comes to an answer.
    """
    convert, numbers = converter_of(asked)
    found: list[Graph] = []
    failed: dict[str, str] = {}
    for number in numbers:
        try:
            with quiet():
                found.append(_graph(asked, convert, number))
        except _raised() as error:
            failed[number] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    if not found:
        raise Refused(_cannot(asked, failed))
    best = min(found, key=lambda one: (one.comparison.apart, one.comparison.flipped or 0))
    answered: dict[str, str] = {one.number: one.comparison.in_words for one in found}
    return best, answered | failed


def _graph(asked: Asked, convert: Convert, number: Number) -> Graph:
    """The graph with numbers of one type."""
    converted = convert(asked, number)
    model = with_columns(converted, text_columns(asked.features), number)
    given = feed({one.name: _dtype(one) for one in model.graph.input}, asked.features)
    names = [output.name for output in model.graph.output if _dtype(output) in ("float32", "float64")]
    said = dict(zip(names, _run(model.SerializeToString(), given, names), strict=True))
    read = closest(asked, said)
    if read is None:
        shapes = ", ".join(f"{name.removeprefix('model/')} {values.shape}" for name, values in said.items())
        raise ValueError(f"it answers {shapes or 'no numbers'}, which is not made into {asked.answers.shape}")
    values = said[read.reading.output]
    width = values.reshape(len(values), -1).shape[1]
    whole = with_prediction(model, read.reading, width, asked.answers.shape[1:], values.dtype)
    (answer,) = _run(whole.SerializeToString(), {i.name: given[i.name] for i in whole.graph.input}, [PREDICTION])
    comparison = compare(asked.problem.task, asked.answers, answer.astype(asked.answers.dtype))
    return Graph(whole, number, converted.by, comparison)


def _run(model: bytes, given: Mapping[str, np.ndarray], names: list[str]) -> list[np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # fatal only: what it answers is compared
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(names, dict(given))
    return found


def _dtype(of: Any) -> str:
    """Of an input or output, as NumPy names it; of text ``string``."""
    from onnx import TensorProto

    kinds = {
        TensorProto.FLOAT: "float32", TensorProto.DOUBLE: "float64", TensorProto.INT64: "int64", TensorProto.STRING: "string",
    }  # fmt: skip
    return kinds.get(of.type.tensor_type.elem_type, "other")


def _raised() -> tuple[type[Exception], ...]:
    """What is raised for a model that cannot be converted, or a graph that onnxruntime cannot run."""
    from onnx.checker import ValidationError
    from onnxruntime.capi import onnxruntime_pybind11_state as raised

    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented", "RuntimeException")
    return (*CANNOT, ValidationError, *(getattr(raised, name) for name in names))


def _cannot(asked: Asked, failed: Mapping[str, str]) -> str:
    model = asked.model.estimator
    tried = "; ".join(f"with {number}: {why}" for number, why in failed.items())
    known = ", ".join(f"{name} {version}" for name, version in libraries(*NEEDS).items())
    return (
        f"{asked.key} cannot be converted to ONNX. {_called(model)}: {tried}. Installed: {known}. Nothing was written. "
        "Export it with --to native or --to mlflow, or train an estimator that can be converted (docs/EXPORT.md)."
    )


def _called(model: Any) -> str:
    """``Pipeline of StandardScaler, SVC``."""
    steps = [type(step).__name__ for _, step in getattr(model, "steps", ())]
    return f"{type(model).__name__}{' of ' + ', '.join(steps) if steps else ''}"
