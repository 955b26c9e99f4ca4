"""The branches of a store: which there are, how each differs from ``main``, and how one is removed.

The first entry of a branch's log says at which entry that of ``main`` was (``began_from``). What ``main`` did since is what its
author may not have seen, but for what was merged from this very branch:

    main     1 ── 2 ─────────── 3 (by bob)         moved: merging would undo what bob did
                  └ ada  1 ── 2                    began from 2

Logs from before that was recorded are compared by the time of their first entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ml_assets.errors import RefMoved, Refused, UnknownVersion
from ml_assets.store.backends.backend import Backend
from ml_assets.store.keys import branch_folder
from ml_assets.store.logs.refs import BEGAN_FROM, RefEntry
from ml_assets.store.records import entry_at, place_of
from ml_assets.store.store import MAIN, Store
from ml_assets.store.together import side_by_side

MERGED = "merged"
"""In details of an entry of ``main``: the branch that it was merged from, which entry of it, and whose."""

State = Literal["same", "ahead", "behind", "moved"]
"""How a ref of a branch stands to that of ``main``.

    same      both name the same version
    ahead     the branch names another, and main did not move since the branch began from it
    behind    main has named this version, and went on
    moved     the branch names another, and main moved meanwhile
"""


@dataclass(frozen=True)
class Difference:
    """One ref of a branch beside that of ``main``.

    Attributes:
        own: the branch's entries, oldest first; at least one.
        main: the entries of ``main``, oldest first.
    """

    branch: str
    asset: str
    partition: str | None
    own: Sequence[RefEntry]
    main: Sequence[RefEntry]

    @property
    def entry(self) -> RefEntry:
        """What the branch names."""
        return self.own[-1]

    @property
    def head(self) -> RefEntry | None:
        """What ``main`` names."""
        return self.main[-1] if self.main else None

    @property
    def began(self) -> int | None:
        """The entry of ``main`` that the branch began from, 0 if it had none; None where that is not recorded."""
        return next((entry.details[BEGAN_FROM] for entry in reversed(self.own) if BEGAN_FROM in entry.details), None)

    @property
    def moves(self) -> list[RefEntry]:
        """What ``main`` did since the branch began from it, or was last merged into it."""
        began, first = self.began, self.own[0]
        since = [entry for entry in self.main if (entry.at > first.at if began is None else entry.n > began)]
        merged = max((entry.n for entry in since if _merged_from(entry) == self.branch), default=0)
        return [entry for entry in since if entry.n > merged]

    @property
    def state(self) -> State:
        """See ``State``."""
        if self.head is not None and self.head.target == self.entry.target:
            return "same"
        if any(entry.target == self.entry.target for entry in self.main):
            return "behind"
        return "moved" if self.moves else "ahead"


def _merged_from(entry: RefEntry) -> str | None:
    merged = entry.details.get(MERGED)
    return merged["branch"] if merged else None


def refs_of(store: Store, branch: str) -> list[tuple[str, str | None]]:
    """The assets and partitions for which a branch has entries of its own."""
    places = map(place_of, store.backend.list(branch_folder(branch)))
    return [*dict.fromkeys((place.asset, place.partition) for place in places if place is not None)]


def differences(
    store: Store, branch: str, wanted: Callable[[str, str | None], bool] = lambda asset, partition: True
) -> list[Difference]:
    """The refs of a branch beside those of ``main``.

    Raises:
        Refused: if the branch is ``main``.
        UnknownVersion: if there is no such branch.
    """
    if branch == MAIN:
        raise Refused("main is what branches begin from and are merged into; it differs from nothing. Name a branch.")
    if not (refs := refs_of(store, branch)):
        known = ", ".join(name for name in store.branches() if name != MAIN) or "none"
        raise UnknownVersion(f"There is no branch {branch} in {store.url}. Branches: {known}.")
    own, main = store.on(branch), store.on(MAIN)
    return side_by_side(
        lambda ref: Difference(branch, *ref, own.own_log(*ref), main.own_log(*ref)),
        [ref for ref in refs if wanted(*ref)],
    )


def newest(found: Sequence[Difference]) -> RefEntry | None:
    """The last move of a branch."""
    return max((one.entry for one in found), key=lambda entry: entry.at, default=None)


def last_move(store: Store, branch: str) -> RefEntry | None:
    """The same of a branch whose logs need not be read for it: the entry that was written last, by the clock of its place."""
    entries = store.backend.entries(branch_folder(branch))
    places = [(entry.modified, key, place) for key, entry in entries.items() if (place := place_of(key))]
    return entry_at(store.backend, max(places)[2]) if places else None


def remove(store: Store, branch: str) -> None:
    """Delete the logs of a branch, each from its newest entry on: whatever interrupts it, what is left is a branch without gaps.

    The versions stay. Removing it once more removes what is left.

    Raises:
        Refused: if it is ``main``, or the branch that the store is on.
        RefMoved: if somebody moved it meanwhile.
    """
    if branch in (MAIN, store.branch):
        why = "main is what branches begin from" if branch == MAIN else "it is the branch that you are on"
        raise Refused(f"The branch {branch} was not removed: {why}. Nothing was changed.")
    logs: dict[str, list[str]] = {}
    for key in reversed(store.backend.list(branch_folder(branch))):
        logs.setdefault(key.rpartition("/")[0], []).append(key)
    side_by_side(partial(_delete, store.backend), logs.values())
    if left := store.backend.list(branch_folder(branch)):
        raise RefMoved(
            f"The branch {branch} was removed, and was written to meanwhile: {store.url}/{left[-1]}. Stop what writes to it, and "
            "remove it again."
        )


def _delete(backend: Backend, keys: Sequence[str]) -> None:
    for key in keys:
        backend.delete(key)
