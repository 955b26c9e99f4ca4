"""One spelling for each JSON value, so that equal values have equal digests. docs/STORE.md, "Canonical JSON".

Keys sorted by code point, no spaces, UTF-8 without escapes, floats by their shortest round-tripping digits, no NaN.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from blake3 import blake3

from ml_assets.errors import UnreadableContent, UnsupportedType

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Json = Any  # dict with str keys, list, str, int, float, bool or None, nested
DEEPEST = 250  # levels of what is read; Python would not write as many
KINDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,), "int": (int,), "bool": (bool,), "str | None": (str, type(None)), "int | None": (int, type(None)),
    "Mapping[str, Json]": (dict,),
}  # fmt: skip
"""Types as fields of dataclasses spell them -> what JSON makes of them."""
T = TypeVar("T", bound="DataclassInstance")


def digest(data: bytes | memoryview) -> str:
    """BLAKE3 of ``data``, 64 hexadecimal digits. About 3 GiB/s on one core."""
    return blake3(data).hexdigest()


def canonical(value: Json) -> bytes:
    """The one canonical encoding of a JSON value.

    Raises:
        UnsupportedType: if any part is not plain JSON (a tuple, a NumPy number, NaN, a key that is not a str).
    """
    try:
        fault = _fault(value, "value")
        if fault:
            raise UnsupportedType(f"{fault} Convert it to dict, list, str, int, float, bool or None first.")
        return _encoded(value)
    except RecursionError:
        raise UnsupportedType("A value is nested too deeply to be written as JSON. Make it flatter first.") from None


def parse(data: bytes) -> Json:
    """Read JSON; ValueError for anything that ``canonical`` would not have written (NaN, keys given twice, 300 levels)."""
    try:
        value = json.loads(data, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if data.count(b"[") + data.count(b"{") > DEEPEST and _is_too_deep(value):
        raise ValueError("it is nested too deeply")
    return value


def checked(record: T) -> T:
    """A dataclass that was made of JSON; ValueError if a field has another type than it says."""
    for field in dataclasses.fields(record):
        kinds, value = KINDS.get(str(field.type)), getattr(record, field.name)
        if kinds and type(value) not in kinds:
            raise ValueError(f"{field.name} of a {type(record).__name__} is a {type(value).__name__}")
    return record


@contextmanager
def as_written(address: str) -> Iterator[None]:
    """Turn what is raised for a document that we would not have written into an error that says what to do."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableContent(
            f"{address} is not what ml_assets writes: {type(error).__name__}: {error}. Nothing of it is used. "
            "Find out who wrote it, and delete it."
        ) from error


def sealed(fields: Mapping[str, Json]) -> bytes:
    """Canonical JSON with its own digest, for what no name proves."""
    return canonical({**fields, "digest": digest(canonical(dict(fields)))})


def unsealed(data: bytes) -> dict[str, Json] | None:
    """The fields; None if these are not the bytes that ``sealed`` made."""
    try:
        fields: dict[str, Json] = parse(data)
        written = fields.pop("digest")
        return fields if digest(_encoded(fields)) == written else None  # what was parsed is plain JSON
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def is_unfinished(data: bytes) -> bool:
    """Whether these bytes are the beginning of a JSON object without its end, or nothing, perhaps filled up with zeros.

    That is what a power cut leaves of a file whose name reached the disk before its bytes. Bytes that were changed are not.
    """
    text = data.rstrip(b"\0")
    is_whole = text.endswith(b"}") and (text.count(b"{") == text.count(b"}") or _is_json(text))
    return text[:1] in (b"", b"{") and not is_whole


def plain(value: Any) -> Json:
    """What a manifest records: dataclasses as objects, NumPy numbers as numbers, tuples as lists, NaN and infinity as null.

    A metric that is undefined on some data (one class only) is NaN; failing hours of training for it would be unkind.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _is_too_deep(value: Json) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [inside for item in level for inside in _inside(item)]
    return bool(level)


def _inside(value: Json) -> Iterable[Json]:
    return value.values() if type(value) is dict else value if type(value) is list else ()


def _encoded(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _fault(value: Any, where: str) -> str | None:
    """What keeps ``value`` from being plain JSON, as a sentence; None if nothing does."""
    if type(value) is dict:
        odd = next((key for key in value if type(key) is not str), None)
        if odd is not None:
            return f"{where} has the key {odd!r}, which is not a str."
        return _first(_fault(item, f"{where}[{key!r}]") for key, item in value.items())
    if type(value) is list:
        return _first(_fault(item, f"{where}[{i}]") for i, item in enumerate(value))
    return _leaf_fault(value, where)


def _leaf_fault(value: Any, where: str) -> str | None:
    if value is not None and type(value) not in (str, int, float, bool):
        return f"{where} is a {type(value).__module__}.{type(value).__qualname__}, not plain JSON."
    if type(value) is float and not math.isfinite(value):
        return f"{where} is {value}, which JSON cannot hold."
    if type(value) is str and not _is_text(value):
        return f"{where} holds half of a surrogate pair, which UTF-8 cannot encode."
    return None


def _first(faults: Iterable[str | None]) -> str | None:
    return next((fault for fault in faults if fault), None)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("an object has the same key twice")
    return dict(pairs)


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")
