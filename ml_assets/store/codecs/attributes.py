"""The attributes of a model that are plain values -> JSON and back: what ``get_params`` says, labels of classes, histories.

    node        null, true, 1, 0.5 or "text" for itself, or one of
                {"list": [node, …]}   {"tuple": [node, …]}   {"dict": [[node, node], …]}   {"float": "nan"}
                {"number": dtype, "value": node}   {"array": dtype, "shape": [n, …], "values": [node, …]}

A dict of any kind comes back as a dict. Nothing else is taken: no function, no object with a class of its own.
"""

from __future__ import annotations

import math
import re
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json, canonical, parse
from ml_assets.store.codecs.codec import is_instance

if TYPE_CHECKING:
    import numpy as np

FILE = "attributes.json"
DTYPE = re.compile(r"[<|][biufUO]\d{0,5}|<[mM]8\[\d{0,9}[A-Za-zμ]{1,7}\]")
MOST_THREADS = 1024  # libraries start as many as they are told, and end the process where they cannot
WIDEST_TEXT = 4096  # characters of an array's dtype <U4096: a wider one would fill the memory with nothing


def refuse_foreign(value: Any, library: str, estimators: Sequence[str], instead: str = "") -> None:
    """Refuse what is none of a library's own estimators: only these are built again.

    Raises:
        UnsupportedType: if it is of another class, one that inherits from them included.
    """
    kind = type(value)
    if kind.__name__ not in estimators or getattr(sys.modules[library], kind.__name__, None) is not kind:
        raise UnsupportedType(
            f"A {kind.__module__}.{kind.__qualname__} is none of {library}'s own estimators: {', '.join(estimators)}. "
            f"Return one of these{instead}."
        )


def to_json(attributes: Mapping[str, Any], of: str) -> bytes:
    """Equal attributes give equal bytes, in whatever order they were set.

    Raises:
        UnsupportedType: if one is no plain value; the message says which.
    """
    return canonical({name: _node(value, f"{of}.{name}") for name, value in attributes.items()})


def from_json(data: bytes) -> dict[str, Any]:
    """The attributes; ValueError, TypeError or LookupError for bytes that ``to_json`` did not write."""
    nodes = parse(data)
    if not isinstance(nodes, dict):
        raise TypeError("the attributes are no JSON object")
    return {name: _value(node) for name, node in nodes.items()}


def set_plain(model: Any, attributes: Mapping[str, Any], learned: Mapping[str, type | tuple[type, ...]]) -> Any:
    """The model with its attributes set, none of which takes the place of what its class has.

    Args:
        learned: names of attributes that only a fitted model has, with their types.
    """
    for name, value in attributes.items():
        if hasattr(type(model), name) or not name.isidentifier() or name.startswith("__"):
            raise ValueError(f"an attribute {name!r} would hide what a {type(model).__name__} has")
        if name in learned and not isinstance(value, learned[name]):
            raise TypeError(f"{name} is a {type(value).__name__}")
        if name == "n_jobs" and value is not None and not (type(value) is int and abs(value) <= MOST_THREADS):
            raise ValueError(f"{value!r} threads")
        vars(model)[name] = value
    return model


def _node(value: Any, where: str) -> Json:
    if type(value) in (dict, OrderedDict, defaultdict):
        return {"dict": [[_node(key, where), _node(item, f"{where}[{key!r}]")] for key, item in value.items()]}
    if type(value) in (list, tuple):
        return {type(value).__name__: [_node(item, f"{where}[{n}]") for n, item in enumerate(value)]}
    if is_instance(value, "numpy", "generic"):
        return {"number": value.dtype.str, "value": _node(_plain(value), where)}
    if is_instance(value, "numpy", "ndarray"):
        values = [_node(item, where) for item in _plain(value.ravel())]
        return {"array": _dtype(value.dtype, where).str, "shape": list(value.shape), "values": values}
    if type(value) is float and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or type(value) in (str, int, float, bool):
        return value
    raise UnsupportedType(
        f"{where} is a {type(value).__module__}.{type(value).__qualname__}, and of a model's parameters only plain values can be "
        "stored: numbers, texts, lists, dicts and arrays of these. Set it to None, or give a name in place of a function."
    )


def _plain(values: Any) -> Any:
    """NumPy's numbers as Python's, times as whole numbers of their unit."""
    return values.view("i8").tolist() if values.dtype.kind in "mM" else values.tolist()


def _value(node: Json) -> Any:
    match node:
        case {"list": list(items)}:
            return [_value(item) for item in items]
        case {"tuple": list(items)}:
            return tuple(_value(item) for item in items)
        case {"dict": list(items)}:
            return {_value(key): _value(item) for key, item in items}
    return _leaf(node) if isinstance(node, dict | list) else node


def _leaf(node: Json) -> Any:
    match node:
        case {"float": "nan" | "inf" | "-inf" as text}:
            return float(text)
        case {"number": str(dtype), "value": item}:
            return _array(dtype, [_value(item)])[0]
        case {"array": str(dtype), "shape": list(shape), "values": list(items)}:
            return _array(dtype, [_value(item) for item in items]).reshape(shape)
    raise ValueError(f"a node {list(node)[:5]} has no meaning")


def _array(name: str, values: list[Any]) -> np.ndarray:
    import numpy as np

    dtype = np.dtype(name) if DTYPE.fullmatch(name) else None
    if dtype is None or dtype.itemsize > 4 * WIDEST_TEXT:
        raise ValueError(f"an array has the dtype {name!r}")
    if dtype.kind in "mM":
        return np.array(values, "i8").view(dtype)
    array = np.empty(len(values), dtype)
    array[:] = values
    return array


def _dtype(dtype: np.dtype[Any], where: str) -> np.dtype[Any]:
    if dtype.kind not in "biufUOmM" or dtype.itemsize > 4 * WIDEST_TEXT:
        raise UnsupportedType(
            f"{where} has the dtype {dtype}. Numbers, truths, texts and times can be stored: convert it."
        )
    return dtype
