"""Reads UBJSON as XGBoost writes it: lengths are int64, arrays of numbers are typed. Nothing is taken that it does not write.

Source: https://ubjson.org, type reference; XGBoost's doc/tutorials/saving_model.rst. Numbers are big endian.
"""

from __future__ import annotations

import struct
from typing import Any

NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
DEEPEST = 32


def read(data: bytes) -> Any:
    """The value: objects are dicts, typed arrays NumPy's; ValueError for bytes that are not wholly one value."""
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise ValueError(f"{len(data) - reader.at} bytes follow the model")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def value(self, depth: int) -> Any:
        mark = self._take(1)
        if depth > DEEPEST:
            raise ValueError("the model nests too deep")
        if mark == b"{":
            return self._object(depth)
        if mark == b"[":
            return self._array(depth)
        if mark == b"S":
            return self._text()
        if mark in NUMBERS:
            return self._numbers(mark, 1)[0].item()
        return {b"T": True, b"F": False, b"Z": None}[mark]

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self.data[self.at : self.at + 1] != b"}":
            key = self._text()
            if key in found:
                raise ValueError(f"{key!r} stands there twice")
            found[key] = self.value(depth + 1)
        self.at += 1
        return found

    def _array(self, depth: int) -> Any:
        mark = self._take(1)
        if mark == b"$":
            kind = self._take(1)
            if self._take(1) != b"#":
                raise ValueError("an array has a type and no length")
            return self._numbers(kind, self._length())
        if mark != b"#":
            raise ValueError("an array has no length")
        return [self.value(depth + 1) for _ in range(self._length())]

    def _numbers(self, kind: bytes, n: int) -> Any:
        import numpy as np

        dtype = np.dtype(NUMBERS[kind])
        return np.frombuffer(self._take(n * dtype.itemsize), dtype)

    def _text(self) -> str:
        return self._take(self._length()).decode()

    def _length(self) -> int:
        """Of what follows; each part of it takes at least a byte."""
        if self._take(1) != b"L":
            raise ValueError("a length is no int64")
        (n,) = struct.unpack(">q", self._take(8))
        if not 0 <= n <= len(self.data) - self.at:
            raise ValueError(f"a length of {n} where {len(self.data) - self.at} bytes follow")
        return int(n)

    def _take(self, n: int) -> bytes:
        taken = self.data[self.at : self.at + n]
        if len(taken) != n:
            raise ValueError("the model ends too early")
        self.at += n
        return taken
