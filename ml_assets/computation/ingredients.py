"""What a computation is made of. Equal ingredients have one key, under which the store remembers what came of them.

Everything that can change a result is among them, by value: code as the digest of what it says, inputs by the digests of
their contents, so that an input that was made again and came out the same changes nothing. What cannot change a result
(comments, who runs it, when, on which branch) is not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import takewhile
from typing import Any

from ml_assets.computation.packages import version_of
from ml_assets.errors import StoreError
from ml_assets.store import Manifest, Store, canonical, digest

FORMAT = 1  # of the key: another way to compute it must not find what this one remembered
CPU = "cpu"  # how people read a device of None
SHOWN_DIGITS = 4  # of a digest: enough to see that two differ
SHOWN_BEFORE = 20  # characters before the first that differs
LONGEST_VALUE = 60  # characters of a setting in a sentence
MOST_NAMES = 3  # in one sentence
SAID = {"roots": "the list of its functions and types"}  # a part of a code version, in a sentence
RECORDED = ("code", "packages", "settings", "reads", "threads")  # besides what a manifest has fields for
WHERE_GIVEN = ("device",)  # likewise, and part of the key, only where there is one: other keys stay what they were

Parts = Callable[[str], Mapping[str, str] | None]
"""From a code version to its parts, as ``Store.code`` has them; None where they are lost."""


@dataclass(frozen=True)
class Ingredients:
    """Everything that a version of an asset depends on.

    Attributes:
        code: digest of the code that computes it (the code version), see ``code.py``.
        packages: third-party packages that this code imports -> version.
        settings: what it is told by the problem, besides functions.
        reads: what it reads -> digest of the content: ``flight_delays/features@2013-05``, ``landed flights/2013-05.parquet``.
        params, seed: what the run gave it; a training has them.
        threads: how many it computes with, where that changes bits.
        device: what it trains on, ``cuda x 1``; None where that is the processor of one machine.
    """

    asset: str
    partition: str | None
    code: str
    packages: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    reads: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    threads: int | None = None
    device: str | None = None

    @cached_property
    def key(self) -> str:
        """The computation key."""
        own = {of.name: getattr(self, of.name) for of in fields(self) if of.name not in WHERE_GIVEN}
        return digest(canonical({"format": FORMAT, **own, **self._given}))

    @property
    def _given(self) -> dict[str, Any]:
        return {name: value for name in WHERE_GIVEN if (value := getattr(self, name)) is not None}

    @cached_property
    def recipe(self) -> str:
        """Digest of what makes it whatever the data: two with one recipe differ in nothing but data, and the machine."""
        settings = {name: value for name, value in self.settings.items() if name != "partition"}
        return digest(canonical([self.asset, self.code, self.packages, settings, self.params, self.seed]))

    def reading(self, reads: Mapping[str, str]) -> Ingredients:
        """The same, of other inputs."""
        return replace(self, reads=dict(reads))

    def to_json(self) -> dict[str, Any]:
        """What a manifest records of them, besides its own fields."""
        return {"key": self.key, **{name: getattr(self, name) for name in RECORDED}, **self._given}

    @classmethod
    def of(cls, manifest: Manifest) -> Ingredients | None:
        """Those that a version was made of; None where they are not recorded."""
        recorded = manifest.code.get("computation")
        if not recorded:
            return None
        own = {**{name: recorded[name] for name in RECORDED}, **{name: recorded.get(name) for name in WHERE_GIVEN}}
        return cls(manifest.asset, manifest.partition, **own, params=dict(manifest.params), seed=manifest.seed)


def differences(before: Ingredients, after: Ingredients, parts: Parts) -> list[str]:
    """What changed, a sentence for each ingredient: ``params.learning_rate 0.1 -> 0.05``; empty if nothing did."""
    return [
        *_changed("params.", before.params, after.params, _value),
        *_changed("", {"seed": before.seed}, {"seed": after.seed}, _value),
        *_changed_code(before.code, after.code, parts),
        *_changed("", _inputs(before.reads), _inputs(after.reads), _short),
        *_changed("problem.", before.settings, after.settings, _value),
        *map(_other_files, _changed("", before.packages, after.packages, str)),
        *_changed("", {"threads": before.threads}, {"threads": after.threads}, _value),
        *_changed("", {"device": before.device or CPU}, {"device": after.device or CPU}, _value),
    ]


def stored_parts(store: Store) -> Parts:
    """Code versions as a store has them: no explanation is worth failing for one that is lost."""

    def parts(version: str) -> Mapping[str, str] | None:
        try:
            return store.code(version)
        except StoreError:
            return None

    return parts


def in_short(changes: list[str]) -> str:
    """The first few of them, as one phrase."""
    more = [f"and {len(changes) - MOST_NAMES} more"] if len(changes) > MOST_NAMES else []
    return "; ".join([*changes[:MOST_NAMES], *more])


def _inputs(reads: Mapping[str, str]) -> dict[str, str]:
    """By the name that people see: what landed, and what a champion is decided from, speak for themselves."""
    return {name if "@" not in name else f"input {name}": value for name, value in reads.items()}


def _changed(
    prefix: str, before: Mapping[str, Any], after: Mapping[str, Any], show: Callable[[Any], str]
) -> Iterator[str]:
    for name in sorted({*before, *after}, key=lambda name: (name not in before, name)):
        if name not in after:
            yield f"{prefix}{name} removed"
        elif name not in before:
            yield f"{prefix}{name} added"
        elif before[name] != after[name]:
            was, now = _apart(show(before[name]), show(after[name]), before[name], after[name])
            yield f"{prefix}{name} {was} -> {now}"


def _changed_code(before: str, after: str, parts: Parts) -> Iterator[str]:
    if before == after:
        return
    old, new = parts(before), parts(after)
    if old is None or new is None:
        yield "code changed"
        return
    for said, names in (
        ("changed", [name for name in new if name in old and new[name] != old[name]]),
        ("added", [name for name in new if name not in old]),
        ("removed", [name for name in old if name not in new]),
    ):
        if names:
            yield f"code: {_some(sorted(names))} {said}"


def _other_files(sentence: str) -> str:
    """Versions where they tell the difference: ``scikit-learn 1.9.0 -> 1.9.1``; else ``acme 1.0: other files``."""
    before, arrow, after = sentence.partition(" -> ")
    name, _, was = before.partition(" ")
    if not arrow:
        return sentence
    same = version_of(was) == version_of(after)
    return f"{name} {version_of(was)}: other files" if same else f"{name} {version_of(was)} -> {version_of(after)}"


def _some(names: list[str]) -> str:
    """Names of parts as people know them: ``ml_assets.problems.x.features:build_features`` is ``build_features``."""
    known = [name.partition(":")[2].rpartition(".")[2] or SAID.get(name, name) for name in names]
    known = list(dict.fromkeys(known))
    more = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    return ", ".join(known[:MOST_NAMES]) + more


def _value(value: Any) -> str:
    text = _short(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _apart(was: str, now: str, before: Any, after: Any) -> tuple[str, str]:
    """Both as they are shown; of long ones that begin alike, from where they differ."""
    if was != now or not (isinstance(before, str) and isinstance(after, str)):
        return was, now
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    same = max(0, alike - SHOWN_BEFORE)
    return f"…{_value(before[same:])}", f"…{_value(after[same:])}"


def _short(found: str) -> str:
    """A digest by its first digits; anything else as it is."""
    is_digest = len(found) == len(digest(b"")) and all(c in "0123456789abcdef" for c in found)
    return found[:SHOWN_DIGITS] if is_digest else found
