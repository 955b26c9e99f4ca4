"""What converters share: how a model's columns are found, and what is said where there is no way."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml_assets.exports.asked import Asked

OPSET = 21  # of ONNX
MACHINE_LEARNING, ML_OPSET = "ai.onnx.ml", 3  # the newest of these operators that skl2onnx knows


class Unconvertible(Exception):
    """A converter cannot do this model; the message says which and why."""


def columns_of(asked: Asked, names: Any, count: int | None) -> tuple[str, ...]:
    """The features that a model takes, in its order: by the names that it knows, or all, where it takes as many."""
    known = asked.model.columns
    if names is not None and set(names) <= set(known):
        return tuple(map(str, names))
    if count == len(known):
        return known
    raise Unconvertible(f"it takes {count} features, and nothing says which of the {len(known)} that its problem makes")


def named(distribution: str) -> str:
    """A converter with its version."""
    return f"{distribution} {metadata.version(distribution)}"


def set_opset(model: Any, domain: str, version: int) -> None:
    """Say which version of a domain's operators is meant: converters say the newest of the nodes that they made."""
    from onnx import helper

    for one in [one for one in model.opset_import if one.domain == domain]:
        model.opset_import.remove(one)
    model.opset_import.append(helper.make_opsetid(domain, version))
