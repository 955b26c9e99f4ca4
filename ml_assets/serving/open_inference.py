"""The Open Inference Protocol, version 2 (REST), with its extension for binary tensors: what KServe's and Triton's clients speak.

A column is a named input of shape [rows] or [rows, 1], of the datatype that the column has:

    bool → BOOL    int64 → INT64    float32 → FP32    float64 → FP64    text, times, categories of text → BYTES

The answer is the output ``prediction``: [rows], or of several classes [rows, classes]; where there are intervals, ``lower`` and
``upper`` beside it. Tensors come and go as JSON, or as bytes behind the JSON whose length
``Inference-Header-Content-Length`` says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_assets.errors import NotAnswered
from ml_assets.serving.bodies import FEATURES, RAW, Asked, json_of, refuse_rows
from ml_assets.serving.columns import Column, Unknown
from ml_assets.serving.loaded import Answer, Loaded
from ml_assets.serving.tensors import (
    BYTES,
    HEADER,
    Tail,
    Tensor,
    as_bytes,
    datatype,
    name_of,
    parameters_of,
    rows_of,
    values_of,
)

BINARY = "application/octet-stream"
EXTENSIONS = ("binary_tensor_data",)
POINT, BOUNDS = "prediction", ("lower", "upper")


@dataclass(frozen=True)
class Inference:
    """An inference request.

    Attributes:
        id: of the client's; empty if it gave none.
        outputs: names of those that are wanted; empty: all.
        binary: the outputs that are wanted as bytes; None: those that are not named follow ``all_binary``.
    """

    asked: Asked
    id: str = ""
    outputs: tuple[str, ...] = ()
    binary: Mapping[str, bool] = field(default_factory=dict)
    all_binary: bool = False


# ---------------------------------------------------------------- metadata


def model_metadata(name: str, loaded: Loaded) -> dict[str, Any]:
    """What a model takes and answers."""
    inputs = [{"name": c.name, "datatype": datatype_of(c), "shape": [-1]} for c in loaded.columns]
    probe = loaded.answer(loaded.probe) if len(loaded.probe) else None
    outputs = [t.described() | {"shape": [-1, *t.values.shape[1:]]} for t in tensors(probe)] if probe else []
    return {
        "name": name,
        "versions": [loaded.key.version],
        "platform": "ml_assets",
        "inputs": inputs,
        "outputs": outputs,
        "parameters": {
            "columns": {c.name: {"dtype": c.dtype, **({"categories": c.known["categories"]} if c.known else {})}
                        for c in loaded.columns},
            **({"classes": list(loaded.classes)} if loaded.classes else {}),
        },
    }  # fmt: skip


def datatype_of(column: Column) -> str:
    """The datatype of a column."""
    dtype = column.values_dtype
    return BYTES if dtype.kind not in "iufb" else datatype(dtype)


def tensors(answer: Answer) -> list[Tensor]:
    """An answer as outputs."""
    values = answer.values
    if values.ndim == 1 or answer.classes:
        return [Tensor(POINT, values)]
    return [Tensor(name, values[:, at].copy()) for at, name in enumerate((POINT, *BOUNDS))]


# ---------------------------------------------------------------- requests


def inference(body: bytes, json_length: str | None, most_rows: int) -> Inference:
    """Read a request.

    Args:
        json_length: of the header; None if the body is JSON alone.
    Raises:
        NotAnswered: if it cannot be read.
    """
    head, tail = _divided(body, json_length)
    request = json_of(head)
    inputs = request.get("inputs") if isinstance(request, dict) else None
    if not isinstance(inputs, list) or not all(isinstance(one, dict) for one in inputs):
        raise NotAnswered(
            400,
            'The request has no list of inputs. Send {"inputs": [{"name": …, "shape": [1], "datatype": …, "data": [1.5]}]}.',
        )
    reader, columns, rows = Tail(tail), dict[str, Any](), set[int]()
    for one in inputs:
        name, count = name_of(one), rows_of(one)
        if name in columns:
            raise NotAnswered(422, f"Two inputs are called {name!r}. Send each column once.", column=name)
        columns[name] = values_of(one, name, count, reader)
        rows.add(count)
    reader.refuse_rest()
    if len(rows) > 1:
        raise NotAnswered(
            422, f"Inputs have {min(rows)} and {max(rows)} rows. Send a value of each column for every row."
        )
    refuse_rows(max(rows, default=0), most_rows)
    return _with_options(request, Asked(columns, rows.pop()))


def _divided(body: bytes, json_length: str | None) -> tuple[bytes, bytes]:
    if json_length is None:
        return body, b""
    if not (json_length.isascii() and json_length.isdecimal()) or int(json_length[:12]) > len(body):
        raise NotAnswered(
            400, f"{HEADER} is {json_length[:20]!r}, and the body has {len(body)} bytes. Give the length of its JSON."
        )
    at = int(json_length)
    return body[:at], body[at:]


def _with_options(request: Mapping[str, Any], asked: Asked) -> Inference:
    given, outputs = request.get("parameters") or {}, request.get("outputs") or []
    if not isinstance(given, dict) or not isinstance(outputs, list) or not all(isinstance(o, dict) for o in outputs):
        raise NotAnswered(
            400,
            "parameters or outputs is of another form. Send an object of parameters, and a list of outputs by name.",
        )
    names = tuple(name_of(one) for one in outputs)
    strange = next((name for name in names if name not in (POINT, *BOUNDS)), None)
    if strange is not None:
        raise NotAnswered(
            422, f"There is no output {strange[:60]!r}. There is {POINT}, and with intervals {', '.join(BOUNDS)}."
        )
    binary = {name: parameters_of(one).get("binary_data") is True for name, one in zip(names, outputs, strict=True)}
    rows, unknown, partition = (
        given.get("rows", FEATURES),
        given.get("unknown_categories", "refuse"),
        given.get("partition", ""),
    )
    if rows not in (RAW, FEATURES) or unknown not in ("refuse", "missing") or not isinstance(partition, str):
        raise NotAnswered(
            400,
            "A parameter says nothing. There are rows (raw, features), unknown_categories (refuse, missing), partition.",
        )
    wanted: Unknown = "missing" if unknown == "missing" else "refuse"
    what = Asked(asked.columns, asked.rows, rows == RAW, partition, wanted)
    return Inference(what, _id(request), names, binary, given.get("binary_data_output") is True)


def _id(request: Mapping[str, Any]) -> str:
    found = request.get("id", "")
    if not isinstance(found, str | None):
        raise NotAnswered(400, "id is text. Leave it out, or send text.")
    return (found or "")[:200]


# ---------------------------------------------------------------- responses


def response(name: str, answer: Answer, request: Inference) -> tuple[bytes, dict[str, str]]:
    """The body, and the headers that say how to read it.

    Raises:
        NotAnswered: if an output is wanted that this model does not have.
    """
    found = {one.name: one for one in tensors(answer)}
    lacking = next((name for name in request.outputs if name not in found), None)
    if lacking is not None:
        raise NotAnswered(
            422, f"This model has no output {lacking!r}: it answers without intervals. Ask for {', '.join(found)}."
        )
    wanted = [found[name] for name in request.outputs or found]
    tail, outputs = [], []
    for one in wanted:
        is_binary = request.binary.get(one.name, request.all_binary)
        data = as_bytes(one.values) if is_binary else b""
        said = {"parameters": {"binary_data_size": len(data)}} if is_binary else {"data": one.values.ravel().tolist()}
        outputs.append(one.described() | said)
        tail += [data] if is_binary else []
    plain = {
        "model_name": name,
        "model_version": answer.key.version,
        **({"id": request.id} if request.id else {}),
        "parameters": {
            "model_version": answer.key.version,  # again: KServe's client leaves out the other one
            **({"classes": ",".join(map(str, answer.classes))} if answer.classes else {}),
        },
        "outputs": outputs,
    }
    head = json.dumps(plain, allow_nan=False).encode()
    if not tail:
        return head, {"Content-Type": "application/json"}
    return b"".join([head, *tail]), {"Content-Type": BINARY, HEADER: str(len(head))}
