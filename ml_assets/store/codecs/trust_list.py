"""What a stored estimator may be made of: the types and functions that somebody looked at, each with why it is harmless.

``trusted.json`` is that list, written by hand: reason, the forms in which skops may hold it, names. It has all public
estimators of the scikit-learn that we install, and what they hold when they are fitted; a test fails when one is missing.
Besides these, skops itself trusts numbers, texts, containers, NumPy's types and ufuncs.

A problem's own classes and functions are added by ``trust_code``, in each process, never by a file. What is loaded is the
very object that was listed: nothing is imported for it.

A form is the class of skops's node. The same name in another form is refused: a function as a constructor would be called
when it is loaded, and a search tree's state would be believed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.codecs.skops_form import is_id, nodes

LIST = Path(__file__).with_name("trusted.json")
OLDEST_PROTOCOL = 2  # the first that we wrote; before it, skops named functions elsewhere in a node
_CLASS, _FUNCTION = frozenset({"ObjectNode", "ConstructorFromReduceNode"}), frozenset({"FunctionNode"})

_own: dict[str, type | FunctionType] = {}


def trust_code(code: Any) -> None:
    """Let estimators be made of this class, or this function, when the store loads them.

    Raises:
        UnsupportedType: if it cannot be found again by its module and name.
    """
    if not isinstance(code, type | FunctionType) or _found(_name_of(code)) is not code:
        raise UnsupportedType(
            f"trust_code() takes a class or function that its module has under its own name, {code!r} is none. "
            "Define it there, not inside of something else."
        )
    _own[_name_of(code)] = code


def is_own(code: type | FunctionType) -> bool:
    """Whether a class or function was listed by a problem."""
    return _own.get(_name_of(code)) is code


def own(name: str) -> type | FunctionType | None:
    """What a problem listed under this name, module and all; None if nothing, or if its module has another object there now."""
    return _own[name] if name in _own and _found(name) is _own[name] else None


def own_function(name: str) -> FunctionType | None:
    """The only function that problems listed under this name without its module."""
    found = [
        code for full, code in _own.items() if full.rpartition(".")[2] == name and isinstance(own(full), FunctionType)
    ]
    return found[0] if len(found) == 1 and isinstance(found[0], FunctionType) else None


def faults(schema: Mapping[str, Any]) -> list[str]:
    """What a skops schema does with names of our list, or of scikit-learn, that it may not. Nothing is imported to find out."""
    if schema["protocol"] < OLDEST_PROTOCOL:
        return [f"protocol {schema['protocol']} of skops"]
    found = {fault for node in nodes(schema) for fault in _faults_of_node(node)}
    return sorted({*found, *_ambiguous(schema)})


def used(schema: Any) -> list[str]:
    """The names of our list that a schema uses: what skops is told to trust."""
    return sorted(
        {_name(node) for node in nodes(schema) if isinstance(node.get("__loader__"), str)} & {*_listed(), *_own}
    )


def _faults_of_node(node: dict[str, Any]) -> Iterator[str]:
    form = node.get("__loader__")
    if not isinstance(form, str) or form == "JsonNode":
        return
    name = _name(node)
    known = _forms(name)
    if known is None and name.startswith("sklearn."):
        yield name  # of which skops trusts whatever is public
    elif known is not None and form not in known:
        yield f"{name} as a {form}"
    elif name in _own and _found(name) is not _own[name]:
        yield f"{name}, which is another object now than when it was listed"
    if form == "DictNode" and not _has_plain_keys(node):
        yield "keys of a dictionary that are no plain values"


def _name_of(code: Any) -> str:
    return f"{code.__module__}.{code.__name__}"


def _name(node: dict[str, Any]) -> str:
    return f"{node['__module__']}.{node['__class__']}"


def _forms(name: str) -> frozenset[str] | None:
    """In which forms a name may occur; None if it is not on our list."""
    if name in _own and name not in _listed():
        return _CLASS if isinstance(_own[name], type) else _FUNCTION
    return _listed().get(name)


def _found(name: str) -> Any:
    module, _, last = name.rpartition(".")
    return getattr(sys.modules.get(module), last, None)


def _has_plain_keys(node: dict[str, Any]) -> bool:
    """Whether the types of a dictionary's keys are types: skops calls them with the keys."""
    return all(kind["__loader__"] == "TypeNode" for kind in node["key_types"]["content"])


def _ambiguous(schema: Any) -> Iterator[str]:
    """Names under which one object is said to be of several kinds: skops takes the first for all of them."""
    kinds: dict[int, tuple[str, str]] = {}
    for node in nodes(schema):
        if is_id("__id__", node.get("__id__")) and isinstance(node.get("__loader__"), str):
            kind = _name(node), node["__loader__"]
            if kinds.setdefault(node["__id__"], kind) != kind:
                yield f"{kind[0]} as {kinds[node['__id__']][0]}"


@lru_cache(maxsize=1)
def _listed() -> dict[str, frozenset[str]]:
    groups = json.loads(LIST.read_text(encoding="utf-8"))
    return {name: frozenset(group["as"]) for group in groups for name in group["names"]}
