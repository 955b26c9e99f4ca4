"""Which decisions the outcomes of a partition tell of: the move that it was served by, and the refusal just before it.

A partition is served by the champion known before it began. Had the last move not been made, the champion before that one
would have served. A challenger that was refused at the partition before would have served, had it not been refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_assets.assets import noun_that
from ml_assets.problem import Problem
from ml_assets.promotion.ledger import Move, in_succession
from ml_assets.store import Handle, Store, VersionKey

NOTHING = "none"  # stands for a champion where there is none
NOBODY = {"move": NOTHING}
"""What was read where no champion was known."""


@dataclass(frozen=True)
class Decided:
    """Who served a partition, and whom it is compared with.

    Attributes:
        move: the one that made it champion.
        replaced: the champion before it, if there was one.
        refused: the challenger that was refused against it at the partition before, if one was.
        decision: that refusal, where there is one.
    """

    move: Move
    replaced: VersionKey | None
    refused: Handle | None = None
    decision: Handle | None = field(default=None, repr=False)

    @property
    def served(self) -> VersionKey:
        """Who served the partition."""
        return self.move.model

    @property
    def others(self) -> dict[str, VersionKey]:
        """Those that it is compared with, by what they were: ``replaced`` and ``refused``."""
        keys = {"replaced": self.replaced, "refused": self.refused.key if self.refused else None}
        return {role: key for role, key in keys.items() if key is not None}

    @property
    def move_name(self) -> str:
        """``main 3``."""
        return name_of(self.move)

    @property
    def promise(self) -> Mapping[str, Any]:
        """The comparison that the move was decided by, as JSON; empty where there was none."""
        return (self.move.details.get("decision") or {}).get("comparison") or {}

    @property
    def read(self) -> dict[str, str]:
        """What was read to know this, for who asks whether it is still the same."""
        return {
            "move": f"{self.move_name} {self.move.kind} {self.served.version}",
            "replaced": self.replaced.version if self.replaced else NOTHING,
            "refused": f"{self.refused.key.version} {self.decision.digest}"
            if self.refused and self.decision
            else NOTHING,
        }


def name_of(move: Move) -> str:
    """How a move is called within its ledger: ``main 3``."""
    return f"{move.branch} {move.number}"


def decided_before(store: Store, problem: Problem, moves: Sequence[Move], partition: str) -> Decided | None:
    """What was decided when a partition in time began; None where nobody served it."""
    known = [move for move in in_succession(moves) if (move.as_of or "") < partition]
    if not known:
        return None
    move, replaced = known[-1], known[-2].model if len(known) > 1 else None
    decided = Decided(move, replaced if replaced != move.model else None)
    decision = _refusal(store, problem, move, partition)
    if decision is None:
        return decided
    challenger = decision.input(noun_that("trains"))
    if challenger.digest == Handle(store, move.model).digest:  # the same model again: there is nothing to tell
        return decided
    return Decided(move, decided.replaced, challenger, decision)


def _refusal(store: Store, problem: Problem, move: Move, partition: str) -> Handle | None:
    """The decision of the partition before, where it refused a challenger against the champion that then served."""
    *before, _ = problem.partitions.window(partition, 2)
    entry = store.head(f"{problem.name}/{noun_that('decides')}", before[0]) if before else None
    if entry is None:
        return None
    decision = Handle(store, entry.target, "decision")
    notes = decision.manifest.notes
    is_refusal = notes.get("decision") in ("keep", "cannot_tell") and notes.get("champion") == str(move.model)
    return decision if is_refusal else None
