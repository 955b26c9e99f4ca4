"""A nested state of a training as one run of bytes and back, without pickle. docs/STORE.md, "Checkpoints".

    8 bytes     length of the header, little endian
    header      canonical JSON: facts, the sizes of the parts, and the state as a node
    parts       one after another

    node        null, true, 1, 0.5 or "text" for itself, or one of
                {"list": [node, …]}   {"tuple": [node, …]}   {"dict": [[key, node], …]}
                {"float": "nan"}      {"bytes": part}        {"number": part}     {"tensor": name}
                {"codec": …, "meta": …, "parts": {path: part}}

All tensors are one part, the first if there are any: those of a network and its optimizer are thousands.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_assets.errors import UnsupportedType
from ml_assets.store import codecs
from ml_assets.store.canonical import Json, canonical, parse
from ml_assets.store.codecs.array import from_npy, to_npy
from ml_assets.store.codecs.codec import Parts, is_instance
from ml_assets.store.codecs.tensors import from_safetensors, is_tensor, to_safetensors
from ml_assets.store.content import File

LENGTH = 8  # bytes of the header's length


def pack(facts: Mapping[str, Json], state: Any) -> bytes:
    """Facts and state as bytes; equal ones give equal bytes.

    Raises:
        UnsupportedType: if a value is of a type that cannot be kept; the message says where it is.
    """
    packer = _Packer()
    node = packer.node(state, "state")
    parts = ([to_safetensors(packer.tensors)] if packer.tensors else []) + packer.parts
    told = {
        "facts": dict(facts),
        "tensors": bool(packer.tensors),
        "sizes": [len(part) for part in parts],
        "state": node,
    }
    header = canonical(told)
    return b"".join([len(header).to_bytes(LENGTH, "little"), header, *parts])


def unpack(data: bytes) -> tuple[dict[str, Json], Any]:
    """Facts and state.

    Raises:
        UnreadableContent: if ``pack`` did not write these bytes.
    """
    with codecs.explained("checkpoint"):
        start = LENGTH + int.from_bytes(data[:LENGTH], "little")
        header = parse(data[LENGTH:start])
        parts = _cut(memoryview(data)[start:], header["sizes"])
        tensors = from_safetensors(parts.pop(0)) if header["tensors"] else {}
        return header["facts"], _Unpacker(parts, tensors).value(header["state"])


def _cut(data: memoryview, sizes: list[int]) -> list[bytes]:
    if sum(sizes) != len(data) or min(sizes, default=0) < 0:
        raise ValueError(f"the header promises {sum(sizes)} bytes, {len(data)} follow")
    parts, at = [], 0
    for size in sizes:
        parts.append(bytes(data[at : at + size]))
        at += size
    return parts


class _Packer:
    """Takes a state apart: what is no JSON goes into ``tensors`` and ``parts``."""

    def __init__(self) -> None:
        self.tensors: dict[str, Any] = {}
        self.parts: list[bytes] = []

    def node(self, value: Any, where: str) -> Json:
        if is_tensor(value):
            name = f"{len(self.tensors):06d} {where}"  # what errors of the codec call it
            self.tensors[name] = value
            return {"tensor": name}
        if type(value) in (dict, OrderedDict):
            return {"dict": [[_key(key, where), self.node(item, f"{where}[{key!r}]")] for key, item in value.items()]}
        if type(value) in (list, tuple):
            return {type(value).__name__: [self.node(item, f"{where}[{n}]") for n, item in enumerate(value)]}
        return self._leaf(value, where)

    def _leaf(self, value: Any, where: str) -> Json:
        if type(value) is float and not math.isfinite(value):
            return {"float": repr(value)}
        if value is None or type(value) in (str, int, float, bool):
            return value
        if type(value) in (bytes, bytearray):
            return {"bytes": self._part(bytes(value))}
        if is_instance(value, "numpy", "generic"):
            return {"number": self._part(_number(value))}
        return self._encoded(value, where)

    def _encoded(self, value: Any, where: str) -> Json:
        try:
            encoded = codecs.encode(value)
        except UnsupportedType as error:
            raise UnsupportedType(f"A checkpoint cannot keep {where}. {error}") from error
        parts = {path: self._part(_bytes(part)) for path, part in sorted(encoded.parts.items())}
        return {"codec": encoded.codec, "meta": dict(encoded.meta), "parts": parts}

    def _part(self, data: bytes) -> int:
        self.parts.append(data)
        return len(self.parts) - 1


class _Unpacker:
    """Puts a state together again."""

    def __init__(self, parts: list[bytes], tensors: Mapping[str, Any]) -> None:
        self.parts, self.tensors = parts, tensors

    def value(self, node: Json) -> Any:
        match node:
            case {"list": items}:
                return [self.value(item) for item in items]
            case {"tuple": items}:
                return tuple(self.value(item) for item in items)
            case {"dict": items}:
                return {key: self.value(item) for key, item in items}
        return self._leaf(node) if isinstance(node, dict) else node

    def _leaf(self, node: Mapping[str, Json]) -> Any:
        match node:
            case {"tensor": name}:
                return self.tensors[name]
            case {"codec": codec, "meta": meta, "parts": parts}:
                return codecs.decode(codec, meta, self._parts(parts))
            case {"float": text}:
                return float(text)
            case {"bytes": part}:
                return self.parts[part]
            case {"number": part}:
                return from_npy(self.parts[part])[()]
        raise ValueError(f"a node {sorted(node)} has no meaning")

    def _parts(self, numbers: Mapping[str, int]) -> Parts:
        inside = {path: self.parts[number] for path, number in numbers.items()}
        files = {path: File(path, "", len(data)) for path, data in inside.items()}
        return Parts(files, lambda file: inside[file.path])


def _key(key: Any, where: str) -> Json:
    if type(key) not in (str, int):  # an optimizer's state goes by numbers
        raise UnsupportedType(
            f"A checkpoint cannot keep {where}: it has the key {key!r}, which is no str or int. Rename it."
        )
    return key


def _number(value: Any) -> bytes:
    import numpy as np

    return to_npy(np.asarray(value))


def _bytes(part: bytes | Path) -> bytes:
    return part if isinstance(part, bytes) else part.read_bytes()
