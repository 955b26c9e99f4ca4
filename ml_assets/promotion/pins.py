"""Versions that people want kept, whatever the rules say: an append-only log beside the ledger, with who, when and why."""

from __future__ import annotations

from collections.abc import Mapping

from ml_assets.errors import Refused
from ml_assets.promotion.log import Log
from ml_assets.store import RefEntry, Store, VersionKey

PINS = "pins"
"""The ref's name, beside the problem's assets."""
PINNED = "pinned"
"""In the details of an entry: whether it pins, or takes a pin back."""


class Pins(Log):
    """The pins of a problem."""

    name = PINS

    @classmethod
    def about(cls, store: Store, key: VersionKey) -> Pins:
        """The log in which a version is pinned."""
        return cls(store, key.asset.partition("/")[0], None)

    def now(self) -> Mapping[VersionKey, RefEntry]:
        """What is pinned, each with the entry that did."""
        last = {entry.target: entry for entry in self.entries()}
        return {key: entry for key, entry in last.items() if entry.details[PINNED]}

    def pin(self, key: VersionKey, *, why: str) -> RefEntry:
        """Keep a version. What of it lies in the trash is brought back.

        Raises:
            Collected: if its content is deleted already.
            Refused: if it is pinned; nothing was changed.
            RefMoved: if somebody else pinned another one meanwhile; nothing was changed.
        """
        before = self.now().get(key)
        if before is not None:
            raise Refused(f"{key} was pinned by {before.by} at {before.at[:16]}: {before.why}. Nothing was changed.")
        return self.append(key, after=self.entries(), why=why, details={PINNED: True})

    def unpin(self, key: VersionKey, *, why: str) -> RefEntry:
        """Leave a version to the rules again.

        Raises:
            Refused: if it is not pinned; nothing was changed.
            RefMoved: if somebody else pinned another one meanwhile; nothing was changed.
        """
        if key not in self.now():
            raise Refused(f"{key} is not pinned. List what is: ml-assets pin. Nothing was changed.")
        return self.append(key, after=self.entries(), why=why, details={PINNED: False})
