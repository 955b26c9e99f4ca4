"""Who is and was champion of a problem, whether its partitions share one champion or have several, one of each line."""

from __future__ import annotations

from dataclasses import dataclass

from ml_assets.promotion.ledger import LEDGER, Ledger, Move, open_proposal, reigning
from ml_assets.store import Store, VersionKey


@dataclass(frozen=True)
class Champions:
    """Who is and was champion of a problem.

    Attributes:
        moves: by line of partitions (see ``Ledger.line``), all under None where there is only one; oldest first, never empty.
    """

    moves: dict[str | None, list[Move]]

    @property
    def now(self) -> dict[str | None, Move]:
        """The present champions."""
        return {at: champion for at, moves in self.moves.items() if (champion := reigning(moves)) is not None}

    @property
    def proposed(self) -> dict[str | None, Move]:
        """The models that wait for somebody's approval."""
        return {at: waiting for at, moves in self.moves.items() if (waiting := open_proposal(moves)) is not None}

    @property
    def newest_first(self) -> list[tuple[str | None, Move]]:
        """All entries of all ledgers."""
        every = [(at, move) for at, moves in self.moves.items() for move in moves]
        return sorted(every, key=lambda pair: (pair[1].at, pair[1].number), reverse=True)

    def role(self, model: VersionKey) -> str:
        """``champion``, ``proposed``, ``was champion`` or nothing."""
        for role, moves in (("champion", self.now), ("proposed", self.proposed)):
            if any(move.model == model for move in moves.values()):
                return role
        return "was champion" if any(move.model == model and move.crowns for _, move in self.newest_first) else ""


def champions(store: Store, problem: str) -> Champions:
    """The ledgers of a problem. It need not be one that this code still knows."""
    return Champions({line: Ledger(store, problem, line).moves() for line in store.named(f"{problem}/{LEDGER}")})
