"""Reads FlatBuffers by a schema, with every offset and length held against the bytes that there are.

A schema names the fields of a table in their order: ``i32``, ``[f64]`` and so on are numbers, ``str``, ``[str]``; another
schema is a table, a list of one is a vector of tables. ``None`` is a vector that is not read, and that must be empty.
Source: https://flatbuffers.dev/internals. All numbers are little endian.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

Kind = Any  # str, Schema, [Schema] or None
Schema = Mapping[str, Kind]
NUMBERS: Mapping[str, Any] = {
    "i8": "<i1", "u8": "<u1", "u16": "<u2", "i32": "<i4", "u32": "<u4", "f32": "<f4", "f64": "<f8",
    "i32 f32": [("index", "<i4"), ("value", "<f4")], "i32 i32": [("index", "<i4"), ("value", "<i4")],
}  # fmt: skip


def read(data: bytes, schema: Schema) -> dict[str, Any]:
    """The root table, with what it lacks left out; ValueError for bytes that lead out of themselves."""
    reader = _Reader(data)
    return reader.table(reader.follow(0), schema)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = len(data)  # tables and texts to read: offsets may name one of them any number of times

    def table(self, at: int, schema: Schema) -> dict[str, Any]:
        self._count(1)
        vtable = at - self._number("<i", at)
        size, width = self._number("<H", vtable), self._number("<H", vtable + 2)
        if size < 4 or at + width > len(self.data):
            raise ValueError("a table leads out of its bytes")
        found = {}
        for slot in range((size - 4) // 2):
            offset = self._number("<H", vtable + 4 + 2 * slot)
            if not offset:
                continue
            name, kind = self._field(schema, slot)
            found[name] = self._value(at + offset, kind)
        return found

    def _field(self, schema: Schema, slot: int) -> tuple[str, Kind]:
        fields = list(schema.items())
        if slot >= len(fields):
            raise ValueError(f"a table has {slot} fields and more, of which {len(fields)} are known")
        return fields[slot]

    def _value(self, at: int, kind: Kind) -> Any:
        if isinstance(kind, str) and kind in NUMBERS:
            return self._numbers(at, NUMBERS[kind], 1)[0].item()
        there = self.follow(at)
        if isinstance(kind, Mapping):
            return self.table(there, kind)
        n = self._number("<I", there)
        if kind is None and n:
            raise ValueError(f"a list of {n} that should be empty")
        if kind == "str":
            return bytes(self._numbers(there + 4, "u1", n)).decode()
        if isinstance(kind, str) and kind[1:-1] in NUMBERS:
            return self._numbers(there + 4, NUMBERS[kind[1:-1]], n)
        self._count(n)
        inner = kind[0] if isinstance(kind, list) else "str"
        return [self._value(there + 4 + 4 * i, inner) for i in range(n)]

    def follow(self, at: int) -> int:
        return at + int(self._number("<I", at))

    def _numbers(self, at: int, dtype: Any, n: int) -> Any:
        import numpy as np

        if at < 0 or n < 0 or at + n * np.dtype(dtype).itemsize > len(self.data):
            raise ValueError("a list leads out of its bytes")
        return np.frombuffer(self.data, dtype, n, at)

    def _number(self, kind: str, at: int) -> int:
        if at < 0:
            raise ValueError("an offset leads out of its bytes")
        return int(struct.unpack_from(kind, self.data, at)[0])

    def _count(self, n: int) -> None:
        self.left -= n
        if self.left < 0:
            raise ValueError("more tables than there are bytes")
