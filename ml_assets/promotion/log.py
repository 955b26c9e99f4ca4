"""An append-only log beside the ledger of champions: what people and decisions say that is no asset, with who, when and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from ml_assets.problem import Problem
from ml_assets.store import RefEntry, Store, VersionKey


@dataclass(frozen=True)
class Log:
    """The log of a problem, or of one line of its partitions.

    Attributes:
        name: the ref's name, beside the problem's assets.
    """

    store: Store
    problem: str
    line: str | None
    name: ClassVar[str]

    @classmethod
    def of(cls, store: Store, problem: Problem, partition: str) -> Self:
        """The log that ``partition`` belongs to."""
        return cls(store, problem.name, problem.partitions.line(partition))

    @property
    def asset(self) -> str:
        """The ref's name in the store."""
        return f"{self.problem}/{self.name}"

    def entries(self) -> list[RefEntry]:
        """All, oldest first; on a branch: those of ``main``, then the branch's own."""
        return self.store.full_log(self.asset, self.line)

    def append(self, about: VersionKey, *, after: Sequence[RefEntry], why: str, details: Mapping[str, Any]) -> RefEntry:
        """Append an entry about a version, provided that ``after`` still are all entries there are.

        Raises:
            RefMoved: if there are others meanwhile; nothing was changed.
        """
        branch = self.store.branch
        own = max((entry.n for entry in after if entry.details["branch"] == branch), default=0)
        return self.store.move(
            self.asset, self.line, about, expected=own, why=why, details={**details, "branch": branch}
        )
