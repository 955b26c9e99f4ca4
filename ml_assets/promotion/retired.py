"""Failures that challengers are no longer held to: an append-only log beside the ledger of champions, with who, when and why."""

from __future__ import annotations

from collections.abc import Mapping

from ml_assets.errors import Refused, UnknownVersion
from ml_assets.evaluation.failures import FAILURE
from ml_assets.promotion.log import Log
from ml_assets.store import RefEntry, VersionKey

RETIRED = "retired"
"""The ref's name, beside the problem's assets."""


class Retired(Log):
    """The failures of a problem, or of one line of its partitions, that count no more."""

    name = RETIRED

    def failures(self) -> Mapping[str, RefEntry]:
        """Failure -> the entry that retired it."""
        return {str(entry.details[FAILURE]): entry for entry in self.entries()}

    def retire(self, failure: str, found_in: VersionKey, *, why: str) -> RefEntry:
        """Retire a failure.

        Args:
            found_in: the version of the asset ``failures`` that has it.
        Raises:
            UnknownVersion: if that version does not have it.
            Refused: if it is retired already; nothing was changed.
            RefMoved: if somebody else retired another one meanwhile; nothing was changed.
        """
        known = [*self.store.load(found_in)[FAILURE]]
        if failure not in known:
            raise UnknownVersion(f"{found_in} has no failure {failure!r}. List them: ml-assets failures {self.problem}")
        entries = self.entries()
        before = self.failures().get(failure)
        if before is not None:
            raise Refused(
                f"{failure} was retired by {before.by} at {before.at[:16]}: {before.why}. Nothing was changed."
            )
        return self.append(found_in, after=entries, why=why, details={FAILURE: failure})
