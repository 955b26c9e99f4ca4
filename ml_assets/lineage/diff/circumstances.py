"""What else was different when two versions were made: the machine, the installed packages, the commit, the checks, the notes.

None of it decides by itself whether a computation is reused (what does is in its ingredients), but it is what people ask about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from ml_assets.store import Manifest

MOST_PACKAGES = 10
MOST_ITEMS = 8  # of a list, such as a learning curve; longer ones are not printed
CODE = ("ml_assets", "git_commit", "git_dirty", "git_diff")  # of Manifest.code, what is not in the key
DIGITS = 12  # of a commit or digest, as people see them


def commit_differences(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """One line for what identifies the code as a whole: ``git commit 9c22ab12cd34 -> 07de…``."""
    before, after = ({name: of.code.get(name) for name in CODE} for of in (old, new))
    return tuple(f"{name.replace('_', ' ')} {was} -> {now}" for name, was, now in _changes(before, after))


def environment_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """One line each for Python, machine, processors …, and for the first packages that differ."""
    recorded = old.keys() & new.keys() - {"packages"}  # of what only one says, nobody knows whether it differs
    here, there = ({name: value for name, value in of.items() if name in recorded} for of in (old, new))
    machine = [f"{name.replace('_', ' ')} {was} -> {now}" for name, was, now in _changes(here, there)]
    packages = [f"{n} {was} -> {now}" for n, was, now in _changes(old.get("packages", {}), new.get("packages", {}))]
    more = len(packages) - MOST_PACKAGES
    return (*machine, *packages[:MOST_PACKAGES], *([f"{more} more packages differ"] if more > 0 else []))


def outcome_differences(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """One line for each check that went another way, each note and each number without an interval that differs."""
    before, after = ({check.name: _verdict(check.passed) for check in of.checks} for of in (old, new))
    checks = [f"check {name} {was} -> {now}" for name, was, now in _changes(before, after)]
    noted = [f"{n} {was} -> {now}" for n, was, now in _changes(_flat(old.notes), _flat(new.notes))]
    numbers = [f"{n} {was} -> {now}" for n, was, now in _changes(_numbers(old), _numbers(new))]
    return (*checks, *noted, *numbers)


def _numbers(manifest: Manifest) -> dict[str, Any]:
    return _flat({n: of for n, of in manifest.metrics.items() if not (isinstance(of, Mapping) and "value" in of)})


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"rows": {"train": 7}}`` as ``{"rows.train": 7}``."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name, old value and new value of what differs, in the new order."""
    for name in dict.fromkeys([*new, *old]):
        was, now = old.get(name), new.get(name)
        if was != now:
            yield name, _said(was), f"{_said(now)}{_first_different(was, now)}"


def _first_different(was: Any, now: Any) -> str:
    """Where two lists of which one is not printed differ first."""
    if not (isinstance(was, list) and isinstance(now, list)) or max(len(was), len(now)) <= MOST_ITEMS:
        return ""
    pairs = ((n, *pair) for n, pair in enumerate(zip(was, now, strict=False), 1) if pair[0] != pair[1])
    return "".join(f", first at {n}: {_said(old)} -> {_said(new)}" for n, old, new in islice(pairs, 1))


def _said(value: Any) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, list) and len(value) > MOST_ITEMS:
        return f"{len(value)} values"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    is_digest = len(text) in (40, 64) and set(text) <= set("0123456789abcdef")
    return text[:DIGITS] if is_digest else text


def _verdict(passed: bool) -> str:
    return "passed" if passed else "failed"
