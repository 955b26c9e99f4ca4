"""The configuration of a Keras model: which classes it may name, and one spelling for models that were made alike.

Keras builds whatever class a configuration names, by its module and name; some of these read files, unpickle or call what
they are given. So each name is looked up in the Keras that is loaded before Keras is shown any of it. Taken are its public
layers, models, initializers, regularizers, constraints and operations, without those of ``REFUSED``, and classes and functions
that a problem lists. Nothing is imported for a name, and what is registered with Keras alone is not taken.

Names that Keras gave count the layers that a process had made before: they are numbered from the beginning, in the order
of the configuration. How it was compiled is left out.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ml_assets.store.canonical import Json
from ml_assets.store.codecs import trust_list

REFUSED = frozenset((
    "Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer",  # code
    "StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing",  # files, or TensorFlow
))  # fmt: skip
PUBLIC = {
    "keras": ("Model", "Sequential", "DTypePolicy", "FloatDTypePolicy"),
    "keras.dtype_policies": ("DTypePolicy", "FloatDTypePolicy"),
    "keras.src.models.functional": ("Functional",),
}
PUBLIC_OF = {
    "keras.layers": "Layer", "keras.initializers": "Initializer", "keras.regularizers": "Regularizer",
    "keras.constraints": "Constraint",
}  # fmt: skip
OPERATIONS = "keras.src.ops."
PLACES = ("__keras_tensor__", "__slice__", "__ellipsis__")
NUMBERS = ("__numpy__", "__tensor__")
DTYPE = re.compile(r"bool|(u?int|float|bfloat)\d{1,2}")
REFERENCES = ("input_layers", "output_layers", "keras_history")


def faults(config: Json) -> list[str]:
    """What a configuration names that may not be built, each as it is called; nothing is imported to find out."""
    found = {fault for node in _nodes(config) if (fault := _fault(node))}
    return sorted(found | _registered_elsewhere(config))


def listed(config: Json) -> dict[str, Any]:
    """The classes and functions of problems that a configuration uses, by the name that Keras looks for."""
    return {
        node["config"] if node["class_name"] == "function" else node.get("registered_name") or node["class_name"]: code
        for node in _nodes(config)
        if (code := _own(node)) is not None
    }


def settled(config: Json) -> Json:
    """Equal models have one configuration, whatever their process made before them."""
    plain = _without_compilation(config)
    return _renamed(plain, _new_names(plain))


def _dicts(value: Json) -> Iterator[dict[str, Json]]:
    """All objects, however deep, in an order that does not depend on who wrote them."""
    if isinstance(value, dict):
        yield value
    items = [value[key] for key in sorted(value)] if isinstance(value, dict) else value
    for item in items if isinstance(items, list) else ():
        yield from _dicts(item)


def _nodes(config: Json) -> Iterator[dict[str, Json]]:
    return (node for node in _dicts(config) if "class_name" in node)


def _fault(node: Mapping[str, Json]) -> str:
    name, module = node["class_name"], node.get("module")
    if "compile_config" in node:
        return "compile_config"
    if name in PLACES:
        return ""
    if name in NUMBERS:
        dtype = node["config"]["dtype"]
        return "" if isinstance(dtype, str) and DTYPE.fullmatch(dtype) else f"numbers of the type {dtype!r}"
    if not isinstance(name, str) or not isinstance(module, str):
        return f"{name!r} of {module!r}"
    if _own(node) is not None or _is_of_keras(module, name):
        return ""
    return f"{module}.{node.get('config') if name == 'function' else name}"


def _own(node: Mapping[str, Json]) -> Any:
    """What a problem lists under the name that a node has; None for anything else."""
    if node["class_name"] == "function":  # of which Keras writes no module
        return trust_list.own_function(str(node.get("config")).rpartition(">")[2])
    return trust_list.own(f"{node.get('module')}.{node['class_name']}")


def _is_of_keras(module: str, name: str) -> bool:
    keras = sys.modules["keras"]
    found = getattr(sys.modules.get(module), name, None)
    if not isinstance(found, type) or not found.__module__.startswith("keras.src.") or found.__name__ in REFUSED:
        return False
    if module in PUBLIC_OF:
        return issubclass(found, getattr(keras, PUBLIC_OF[module], None) or keras.constraints.Constraint)
    is_operation = module.startswith(OPERATIONS) and found.__module__ == module and issubclass(found, keras.Operation)
    return is_operation or name in PUBLIC.get(module, ())


def _registered_elsewhere(config: Json) -> set[str]:
    """Texts by which Keras would find what was registered with it and no problem lists."""
    registered = sys.modules["keras"].saving.get_custom_objects()
    foreign = {name for name, code in registered.items() if not trust_list.is_own(code)}
    return foreign & set(_texts(config)) if foreign else set()


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(item)


def _without_compilation(value: Json) -> Json:
    if isinstance(value, list):
        return [_without_compilation(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _without_compilation(item) for key, item in value.items() if key != "compile_config"}


def _new_names(config: Json) -> dict[str, str]:
    """Names as Keras gives them, numbered from the beginning; what somebody called otherwise keeps its name."""
    given: dict[str, str] = {}
    kept: set[str] = set()
    for node in _nodes(config):
        name = node["config"].get("name") if isinstance(node["config"], dict) else None
        if isinstance(name, str):
            made = re.fullmatch(rf"((?:forward_|backward_)?{_snake_case(node['class_name'])})(?:_\d+)?", name)
            given.setdefault(name, made[1]) if made else kept.add(name)
    new: dict[str, str] = {}
    for name in (name for name in given if name not in kept):
        new[name] = next(other for other in _numbered(given[name]) if other not in kept and other not in new.values())
    return new


def _numbered(base: str) -> Iterator[str]:
    yield base
    n = 1
    while True:
        yield f"{base}_{n}"
        n += 1


def _snake_case(name: str) -> str:
    """A class's name as Keras makes names of layers of it."""
    spaced = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()


def _renamed(value: Json, names: Mapping[str, str]) -> Json:
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _entry(key, item, names) for key, item in value.items()}


def _entry(key: str, value: Json, names: Mapping[str, str]) -> Json:
    if key == "name" and isinstance(value, str):
        return names.get(value, value)
    return _reference(value, names) if key in REFERENCES else _renamed(value, names)


def _reference(value: Json, names: Mapping[str, str]) -> Json:
    """``[name, node, tensor]``, or lists or objects of these."""
    if isinstance(value, dict):
        return {key: _reference(item, names) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if value and isinstance(value[0], str):
        return [names.get(value[0], value[0]), *value[1:]]
    return [_reference(item, names) for item in value]
