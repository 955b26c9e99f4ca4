"""The code that made two versions, part by part. It is recorded without comments and formatting: what differs has an effect."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

CONTEXT = 3  # lines around a change


@dataclass(frozen=True)
class PartDiff:
    """A function, class or constant (``module:name``) that changed, as the lines of a unified diff without its header."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class CodeDiff:
    """Parts of the code that changed, and the names of those that only one version has."""

    changed: tuple[PartDiff, ...]
    removed: tuple[str, ...]
    added: tuple[str, ...]


def code_diff(old: Mapping[str, str], new: Mapping[str, str]) -> CodeDiff:
    """What differs between two code versions, see ``Store.code``."""
    return CodeDiff(
        changed=tuple(
            PartDiff(name, _unified(old[name], new[name]))
            for name in sorted(old.keys() & new.keys())
            if old[name] != new[name]
        ),
        removed=tuple(sorted(old.keys() - new.keys())),
        added=tuple(sorted(new.keys() - old.keys())),
    )


def _unified(old: str, new: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=CONTEXT, lineterm="")
    return tuple(lines)[2:]  # without the names of files, of which there are none
