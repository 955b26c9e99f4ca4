"""Tensors of the Open Inference Protocol: columns as they come, in JSON or as bytes behind it, and answers as they go."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.errors import NotAnswered
from ml_assets.serving.columns import CALLED

if TYPE_CHECKING:
    import numpy as np

HEADER = "Inference-Header-Content-Length"
BYTES = "BYTES"
TYPES: Mapping[str, str] = {
    "BOOL": "?", "UINT8": "<u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8", "INT8": "<i1", "INT16": "<i2",
    "INT32": "<i4", "INT64": "<i8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
NAMED = {"?": "BOOL", **{code[1:]: name for name, code in TYPES.items() if len(code) > 1}}
"""NumPy's code of a type -> its datatype."""


@dataclass(frozen=True)
class Tensor:
    """An output.

    Attributes:
        values: shape (n,) or (n, columns).
    """

    name: str
    values: np.ndarray

    def described(self) -> dict[str, Any]:
        """As a response names it."""
        return {"name": self.name, "datatype": datatype(self.values.dtype), "shape": list(self.values.shape)}


def datatype(dtype: Any) -> str:
    """The datatype of a NumPy or nullable type of numbers."""
    return "BOOL" if dtype.kind == "b" else NAMED[f"{dtype.kind}{dtype.itemsize}"]


def name_of(one: Mapping[str, Any]) -> str:
    """The name of an input or output. Raises NotAnswered if it has none."""
    name = one.get("name")
    if not isinstance(name, str) or not name:
        raise NotAnswered(400, "An input or output has no name. Give it the name of its column, as text.")
    return name


def rows_of(one: Mapping[str, Any]) -> int:
    """How many rows an input has, by its shape. Raises NotAnswered if that is no column's."""
    shape = one.get("shape")
    is_shape = isinstance(shape, list) and all(type(size) is int and 0 <= size < 1 << 31 for size in shape)
    if not is_shape or not isinstance(shape, list) or len(shape) not in (1, 2) or shape[1:] not in ([], [1]):
        raise NotAnswered(
            422,
            f"Input {one['name']!r} has the shape {json.dumps(shape, default=str)[:60]}. A column has [rows], or [rows, 1].",
            column=str(one["name"]),
        )
    return int(shape[0])


def values_of(one: Mapping[str, Any], name: str, rows: int, tail: Tail) -> Any:
    """The values of an input: a list as JSON has it, or a Series. Raises NotAnswered if they are none."""
    kind = one.get("datatype")
    if kind != BYTES and (not isinstance(kind, str) or kind not in TYPES):
        known = ", ".join([*TYPES, BYTES])
        raise NotAnswered(
            422,
            f"Input {name!r} has the datatype {json.dumps(kind, default=str)[:40]}. There are {known}.",
            column=name,
        )
    size = parameters_of(one).get("binary_data_size")
    if size is None:
        return _of_json(one, name, kind, rows)
    if type(size) is not int or size < 0:
        raise NotAnswered(
            400,
            f"binary_data_size of input {name!r} is no number of bytes. Say how many are behind the JSON for it.",
            column=name,
        )
    return _of_bytes(tail.take(size, name), name, kind, rows)


def parameters_of(one: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of an input or output; empty if it has none."""
    found = one.get("parameters") or {}
    if not isinstance(found, dict):
        raise NotAnswered(400, "parameters is no object. Send an object, or leave it out.")
    return found


def _of_json(one: Mapping[str, Any], name: str, kind: str, rows: int) -> list[Any]:
    data = one.get("data")
    if not isinstance(data, list):
        raise NotAnswered(
            422, f"Input {name!r} has no list of data. Send data, or binary_data_size and the bytes.", column=name
        )
    if len(data) == rows and data and all(isinstance(value, list) and len(value) == 1 for value in data):
        data = [value[0] for value in data]  # [rows, 1], nested
    if len(data) != rows:
        raise NotAnswered(
            422,
            f"Input {name!r} has {len(data)} values, and its shape says {rows}. Send a value for every row.",
            column=name,
        )
    _refuse_others(data, name, kind)
    return data


def _refuse_others(data: Sequence[Any], name: str, kind: str) -> None:
    """Values are of the datatype that is said: which the column takes is another question."""
    numbers: set[type] = {int, float} if kind.startswith("FP") else {int}
    takes: set[type] = {str} if kind == BYTES else {bool} if kind == "BOOL" else numbers
    row = next((n for n, value in enumerate(data) if value is not None and type(value) not in takes), None)
    if row is not None:
        was = CALLED.get(type(data[row]), "something else")
        raise NotAnswered(
            422, f"Input {name!r}, row {row}: it is {was}, and the datatype is {kind}. Send what the datatype says.",
            column=name, row=row,
        )  # fmt: skip


class Tail:
    """The bytes behind the JSON, of which each input takes its own, in their order."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int, name: str) -> bytes:
        """The next bytes. Raises NotAnswered if there are not so many left."""
        found = self._data[self._at : self._at + size]
        if len(found) != size:
            raise NotAnswered(
                400, f"Input {name!r} is to have {size} bytes behind the JSON, and there are {len(found)} left for it. "
                f"Say in {HEADER} where the JSON ends.", column=name,
            )  # fmt: skip
        self._at += size
        return found

    def refuse_rest(self) -> None:
        """Raise NotAnswered if there are bytes that no input took."""
        if self._at != len(self._data):
            raise NotAnswered(
                400,
                f"There are {len(self._data) - self._at} bytes behind the JSON that are of no input. Say binary_data_size of "
                "each.",
            )


def _of_bytes(data: bytes, name: str, kind: str, rows: int) -> Any:
    import numpy as np
    import pandas as pd

    if kind == BYTES:
        return _texts(data, name, rows)
    dtype = np.dtype(TYPES[kind])
    if len(data) != rows * dtype.itemsize:
        raise NotAnswered(
            422,
            f"Input {name!r} has {len(data)} bytes: {rows} rows of {kind} have {rows * dtype.itemsize}. Send one for "
            "every row.",
            column=name,
        )
    values = np.frombuffer(data, dtype=np.uint8) if kind == "BOOL" else np.frombuffer(data, dtype=dtype)
    if kind == "BOOL" and (values > 1).any():
        raise NotAnswered(
            422,
            f"Input {name!r} is BOOL, and has a byte that is neither 0 nor 1. Send a byte for each truth.",
            column=name,
        )
    return pd.Series(values.astype(dtype.newbyteorder("=")))


def _texts(data: bytes, name: str, rows: int) -> list[str]:
    """Each with its length before it, four bytes, little-endian."""
    found, at = list[str](), 0
    while at + 4 <= len(data) and len(found) < rows:
        (size,) = struct.unpack_from("<I", data, at)
        text = data[at + 4 : at + 4 + size]
        if len(text) != size:
            break
        try:
            found.append(text.decode())
        except UnicodeDecodeError:
            raise NotAnswered(
                422,
                f"Input {name!r}, row {len(found)}: its bytes are no UTF-8. Send text as UTF-8.",
                column=name,
                row=len(found),
            ) from None
        at += 4 + size
    if len(found) != rows or at != len(data):
        raise NotAnswered(
            422,
            f"Input {name!r}: its bytes hold {len(found)} whole values, and its shape says {rows}. Each is its length in four "
            "bytes, little-endian, then its text.",
            column=name,
        )
    return found


def as_bytes(values: np.ndarray) -> bytes:
    """The values of an output, little-endian."""
    import numpy as np

    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()
