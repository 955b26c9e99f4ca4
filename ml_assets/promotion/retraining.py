"""What was decided about training again for what monitoring found: an append-only log beside the ledger of champions.

An entry names the version of ``monitoring`` that it is about. A training that is started has one, and so has each reason for
which one was held back: once, however often it is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ml_assets.promotion.log import Log
from ml_assets.store import RefEntry, Store, VersionKey

RETRAINING = "retraining"
"""The ref's name, beside the problem's assets."""
TRAINED = "retrain"
"""The decision of an entry by which a training was started; the others say what held one back, ``same`` or ``cooldown``."""


class Retraining(Log):
    """What was decided about a problem, or about one line of its partitions."""

    name = RETRAINING

    def keep(self, decision: str, about: Sequence[VersionKey], *, trains: str, why: str) -> RefEntry | None:
        """Append a decision; None if the same was decided about the same before, and nothing is appended.

        Args:
            about: the versions of ``monitoring`` that it is about, newest partition first.
            trains: the partition whose model is trained, or would be.
        Raises:
            RefMoved: if somebody else decided meanwhile; nothing was changed.
        """
        entries = self.entries()
        if has_decided(entries, decision, about):
            return None
        details = {"decision": decision, "about": named(about), "trains": trains}
        return self.append(about[0], after=entries, why=why, details=details)


def retrainings(store: Store, problem: str) -> list[RefEntry]:
    """All entries of a problem, of each line of its partitions, in the order of their time."""
    lines = store.named(f"{problem}/{RETRAINING}")
    return sorted(
        (entry for line in lines for entry in Retraining(store, problem, line).entries()), key=lambda entry: entry.at
    )


def named(about: Sequence[VersionKey]) -> list[str]:
    """Versions as entries name them."""
    return [str(key) for key in about]


def has_decided(entries: Sequence[RefEntry], decision: str, about: Sequence[VersionKey]) -> bool:
    """Whether this was decided about these versions."""
    return any(entry.details["decision"] == decision and entry.details["about"] == named(about) for entry in entries)


def days_since_training(entries: Sequence[RefEntry], now: datetime) -> float | None:
    """How long ago monitoring last started a training; None if it never did."""
    started = [datetime.fromisoformat(entry.at) for entry in entries if entry.details["decision"] == TRAINED]
    return (now.astimezone(UTC) - max(started)) / timedelta(days=1) if started else None
