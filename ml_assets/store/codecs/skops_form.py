"""The canonical form of a skops file. skops itself writes different bytes each time: object ids and the time of day.

- ``schema.json`` keeps an object's ``__id__`` only where that object occurs more than once, numbered 1, 2, … by first
  appearance. Constants, types and functions lose it: whether two equal strings are one object is the interpreter's whim.
- Data files are named by their digest. Padding in arrays of records is zeroed; nested archives are rewritten likewise.
  Arrays keep their order, by rows or by columns: matrix products sum in another order where it differs.
- The items of sets are sorted. Dictionaries keep their order, which is part of their value.
- A partial's empty namespace is null: Python creates it when somebody looks at it.
- The archive is sorted, dated 1980-01-01 and stored uncompressed, so that nothing can unpack to more than it is.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ml_assets.store.canonical import digest
from ml_assets.store.codecs.array import from_npy, to_npy

SCHEMA = "schema.json"
NULL = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": "null", "is_json": True}
CONSTANTS = ("JsonNode", "TypeNode", "FunctionNode")


def canonical_skops(data: bytes) -> bytes:
    """Rewrite what ``skops.io.dumps`` gave. Equal estimators made by the same versions give equal bytes."""
    files = _unpack(data)
    schema = json.loads(files.pop(SCHEMA))
    contents = {name: _canonical_file(name, content) for name, content in files.items()}
    names = {name: f"{digest(content)}{name[name.rfind('.') :]}" for name, content in contents.items()}
    rewritten = _Rewriter(names, _shared_ids(schema)).rewrite(schema)
    packed = {names[name]: content for name, content in contents.items()}
    return _pack({**packed, SCHEMA: json.dumps(rewritten, separators=(",", ":"), ensure_ascii=False).encode()})


def schema_of(data: bytes) -> Any:
    """The schema of an archive as we write them: nothing compressed, nothing twice.

    Raises:
        ValueError: if it is another.
    """
    files = _unpack(data, stored_only=True)
    for name, content in files.items():
        if name.endswith(".npz"):
            _unpack(content, stored_only=True)
    return json.loads(files[SCHEMA])


class _Rewriter:
    """Walks a schema once, in order: the numbering of shared objects is its state."""

    def __init__(self, names: dict[str, str], shared: set[int]) -> None:
        self._names = names
        self._shared = shared
        self._numbers: dict[int, int] = {}

    def rewrite(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.rewrite(item) for item in node]
        if not isinstance(node, dict):
            return node
        if node.get("__loader__") == "SetNode":
            node = {**node, "content": sorted(node["content"], key=self._without_ids)}
        if node.get("__loader__") == "PartialNode" and not node["content"]["namespace"]["content"]:
            node = {**node, "content": {**node["content"], "namespace": NULL}}
        return {key: self._entry(key, value) for key, value in node.items() if self._is_kept(key, value)}

    def _is_kept(self, key: str, value: Any) -> bool:
        return not is_id(key, value) or value in self._shared

    def _entry(self, key: str, value: Any) -> Any:
        if is_id(key, value):
            return self._numbers.setdefault(value, len(self._numbers) + 1)
        if key == "file" and isinstance(value, str):
            return self._names[value]
        return self.rewrite(value)

    def _without_ids(self, node: Any) -> str:
        return json.dumps(_Rewriter(self._names, set()).rewrite(node))


def is_id(key: str, value: Any) -> bool:
    """Whether an entry is a node's id, not a key of the user's dictionary, whose values are nodes."""
    return key == "__id__" and isinstance(value, int)


def _shared_ids(schema: Any) -> set[int]:
    """The ids of objects that occur more than once, constants aside."""
    objects = [node for node in nodes(schema) if node.get("__loader__") not in CONSTANTS]
    counts = Counter(node["__id__"] for node in objects if is_id("__id__", node.get("__id__")))
    return {identity for identity, count in counts.items() if count > 1}


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """All dictionaries in a schema, however deep: nodes, and what is inside of them."""
    items: list[Any] = [value]
    while items:
        item = items.pop()
        if isinstance(item, dict):
            yield item
            items.extend(item.values())
        elif isinstance(item, list):
            items.extend(item)


def _canonical_file(name: str, content: bytes) -> bytes:
    if name.endswith(".npy"):
        return to_npy(from_npy(content), keep_order=True)
    return _pack(_unpack(content)) if name.endswith(".npz") else content


def _unpack(data: bytes, *, stored_only: bool = False) -> dict[str, bytes]:
    try:
        return _entries(data, stored_only)
    except RuntimeError as error:  # an entry says that it is encrypted, or of a kind that zipfile does not know
        raise ValueError(str(error)) from error


def _entries(data: bytes, stored_only: bool) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        odd = [e.filename for e in entries if stored_only and e.compress_type != zipfile.ZIP_STORED]
        if odd or len({e.filename for e in entries}) != len(entries):
            raise ValueError(f"an archive has compressed or repeated entries {odd}, which we never write")
        if stored_only and sum(e.file_size for e in entries) > len(data):
            raise ValueError("the entries of an archive are larger than the archive")
        return {e.filename: archive.read(e) for e in entries}


def _pack(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name])
    return buffer.getvalue()
