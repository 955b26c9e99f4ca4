"""OpenLineage's published schemas, offline: an event is held against that of events, and each facet against the one it names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER = Path(__file__).parents[1] / "mirrors" / "openlineage"


@cache
def schemas() -> Registry:
    read = (json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json")))
    return Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in read)


def faults(event: Any) -> list[str]:
    """What is wrong with an event, and with its facets."""
    return [fault for schema, part in [(event["schemaURL"], event), *facets(event)] for fault in _faults(schema, part)]


def facets(of: Any) -> Iterator[tuple[str, Any]]:
    """Every facet in an event with the address of its schema."""
    if isinstance(of, dict):
        if "_schemaURL" in of:
            yield of["_schemaURL"], of
        of = list(of.values())
    for part in of if isinstance(of, list) else []:
        yield from facets(part)


def _faults(schema: str, part: Any) -> list[str]:
    validator = Draft202012Validator(
        {"$ref": schema}, registry=schemas(), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    return [f"{schema}: {error.json_path} {error.message}" for error in validator.iter_errors(part)]
