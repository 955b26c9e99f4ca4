"""JSON schemas read as strictly as one can: nothing is fetched, and a key that a schema does not name is refused.

A chart's ``values.schema.json`` and the schema of a custom resource let unknown keys pass, where they then do nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, ValidationError


def offline(schema: Any) -> Any:
    """The schema without references to other hosts; what they described may be anything."""
    if isinstance(schema, list):
        return [offline(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    elsewhere = str(schema.get("$ref", "")).startswith(("http:", "https:"))
    return {key: offline(value) for key, value in schema.items() if not (elsewhere and key == "$ref")}


def strict(schema: Any) -> Any:
    """The schema with every object closed that names its keys."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not isinstance(schema.get("type"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


def unknown(schema: Any, value: Any) -> set[str]:
    """The keys of a value that its schema does not name, with dots between a key and what holds it."""
    found = _all(Draft202012Validator(strict(schema)).iter_errors(value))
    return {
        ".".join(map(str, [*error.absolute_path, key]))
        for error in found
        if error.validator == "additionalProperties"
        for key in error.instance.keys() - error.schema["properties"].keys()
    }


def _all(errors: Iterator[ValidationError] | list[ValidationError]) -> Iterator[ValidationError]:
    for error in errors:
        yield error
        yield from _all(error.context or [])
