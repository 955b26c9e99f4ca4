"""Label and field selectors, as they stand in a query."""

from __future__ import annotations

import re
from typing import Any

SET = re.compile(r"\s*([\w./-]+)\s+(in|notin)\s+\((.*)\)\s*$")
COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")


def selected(found: dict[str, Any], labels: str, fields: str) -> bool:
    has = found["metadata"].get("labels") or {}
    by_label = all(_has(has, part) for part in COMMA_OUTSIDE_PARENTHESES.split(labels) if part)
    return by_label and all(_is(found, part) for part in fields.split(",") if part)


def _has(labels: dict[str, str], asked: str) -> bool:
    if of_set := SET.match(asked):
        name, relation, values = of_set.groups()
        return (labels.get(name) in [value.strip() for value in values.split(",")]) == (relation == "in")
    if "!=" in asked:
        name, value = asked.split("!=")
        return labels.get(name) != value
    if "=" in asked:
        name, value = asked.replace("==", "=").split("=")
        return labels.get(name) == value
    return (asked.lstrip("!") in labels) != asked.startswith("!")


def _is(found: dict[str, Any], asked: str) -> bool:
    path, value = asked.split("=", 1)
    at: Any = found
    for name in path.split("."):
        at = at.get(name) if isinstance(at, dict) else None
    return str(at or "") == value.lstrip("=")
