"""Refs of a branch beside those of main, for `branch`, `push` and `merge`: which were asked for, and how they are shown."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Any

from ml_assets.cli.show import table
from ml_assets.errors import UsageError
from ml_assets.store import Difference, Store, VersionKey, branches

SHOWN = 20  # in a table, of a branch that has many


def named_by(store: Store, name: str, of: Sequence[str]) -> list[Difference]:
    """The refs of a branch that were asked for.

    Raises:
        UsageError: if one of those that were named is not among them.
    """
    asked = {text: _asked(text) for text in of}
    found = branches.differences(store, name, lambda *place: not asked or any(fits(*place) for fits in asked.values()))
    for text, fits in asked.items():
        if not any(fits(one.asset, one.partition) for one in found):
            raise UsageError(
                f"The branch {name} names no {text}. See what it names: ml-assets branch {shlex.quote(name)}"
            )
    return found


def _asked(text: str) -> Callable[[str, str | None], bool]:
    """A problem, an asset of it, or one partition of that."""
    name, at, partition = text.partition("@")
    return lambda asset, key: asset in (name, f"{name}/{asset.partition('/')[2]}") and (not at or key == partition)


def shown(found: Sequence[Difference]) -> str:
    """As a table."""
    rows = [_ref(one) for one in found[:SHOWN]]
    more = f"\nand {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return table(rows, ("asset", "partition", "names", "main", "", "by", "why")) + more


def _ref(one: Difference) -> tuple[str, ...]:
    main, moved = one.head.target.short if one.head else "–", one.moves
    state = f"{one.state} by {moved[-1].by}" if one.state == "moved" else one.state
    return (one.asset, one.partition or "–", one.entry.target.short, main, state, one.entry.by, one.entry.why)


def as_plain(one: Difference) -> dict[str, Any]:
    """One as plain JSON."""
    head: VersionKey | None = one.head.target if one.head else None
    return {
        "asset": one.asset,
        "partition": one.partition,
        "version": one.entry.target.version,
        "main": head.version if head else None,
        "state": one.state,
        "began_from": one.began,
        "main_moves": [{"n": entry.n, "by": entry.by, "at": entry.at, "why": entry.why} for entry in one.moves],
        "by": one.entry.by,
        "at": one.entry.at,
    }
