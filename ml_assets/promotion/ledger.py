"""Which model is champion, since when and why: an append-only log of moves, kept as a ref of the store.

A problem on calendar partitions has one champion that moves on through time; with static partitions each partition is a
world with a champion of its own, and of a grid each value has one that moves on through time: each *line* of partitions has
a ledger. A move records the partition it was decided for (*as of*), and champions succeed each
other in that order, whenever the moves were made: deciding an old month again rewrites that month's history, never the
present, and "the champion known before partition M" has one answer. Moves by hand act on the present: the newest partition.

Where a problem asks for approval, the log also has what was proposed and what was refused: entries that move nobody.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from ml_assets.errors import UnknownVersion, UsageError
from ml_assets.problem import Problem
from ml_assets.store import RefEntry, Store, VersionKey

LEDGER = "ledger"
"""The ref's name, beside the problem's assets."""

Crowning = Literal["decision", "promotion", "rollback", "approval"]
Kind = Crowning | Literal["proposal", "refusal"]
CROWNING = get_args(Crowning)
ANSWERS = {"approval": "approved", "refusal": "refused"}
"""To a proposal, in words."""


@dataclass(frozen=True)
class Move:
    """One entry of the ledger: since then this model is champion, unless it was only proposed or refused.

    Attributes:
        kind: how it came: decided by comparison, promoted by hand, rolled back, or proposed and then approved or refused.
        as_of: the partition it was decided for; by hand: the newest one decided by then.
        details: the decision behind it, if there was one.
    """

    number: int
    branch: str
    model: VersionKey
    kind: Kind
    as_of: str | None
    by: str
    why: str
    at: str
    run: str | None
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def crowns(self) -> bool:
        """Whether it made the model champion."""
        return self.kind in CROWNING


def in_succession(moves: Sequence[Move]) -> list[Move]:
    """Those that made a champion, in the order in which champions succeed each other: by partition, then as they were made."""
    return [move for move in by_partition(moves) if move.crowns]


def by_partition(moves: Sequence[Move]) -> list[Move]:
    """Every entry in the order of the partition that it is as of, then as they were made."""
    return [move for _, move in sorted(enumerate(moves), key=lambda pair: (pair[1].as_of or "", pair[0]))]


def reigning(moves: Sequence[Move], *, until: str | None = None, before: str | None = None) -> Move | None:
    """The last champion of the succession; of the partitions up to ``until``, or only of those before ``before``."""
    known = [
        move
        for move in in_succession(moves)
        if (until is None or (move.as_of or "") <= until) and (before is None or (move.as_of or "") < before)
    ]
    return known[-1] if known else None


def standing(moves: Sequence[Move]) -> list[Move]:
    """The succession that led to the present champion: a rollback undoes the moves after the one it went back to.

    So rolling back twice goes back two champions, not forth again to the one that was just rolled back.
    """
    return _succession(moves)[0]


def undone(moves: Sequence[Move]) -> dict[VersionKey, Move]:
    """The models that a rollback removed or somebody refused, and nobody put back since, each with that entry."""
    return _succession(moves)[1]


def _succession(moves: Sequence[Move]) -> tuple[list[Move], dict[VersionKey, Move]]:
    line: list[Move] = []
    removed: dict[VersionKey, Move] = {}
    for move in by_partition(moves):
        if move.kind == "refusal":
            removed[move.model] = move
        if not move.crowns:
            continue
        reigns = [n for n, earlier in enumerate(line) if earlier.model == move.model]
        removed.pop(move.model, None)
        if move.kind == "rollback" and reigns:
            removed.update({gone.model: move for gone in line[reigns[-1] + 1 :]})
            del line[reigns[-1] + 1 :]
        else:
            line.append(move)
    return line, removed


def open_proposal(moves: Sequence[Move]) -> Move | None:
    """The proposal that waits for an answer: the newest entry about who serves, of a champion that is still the same."""
    last = _last_about_who_serves(moves)
    if last is None or last.kind != "proposal":
        return None
    at = moves.index(last)
    is_refused = any(move.kind == "refusal" and move.model == last.model for move in moves[at:])
    return last if not is_refused and reigning(moves[:at]) == reigning(moves) else None


def fate(moves: Sequence[Move], proposal: Move) -> str:
    """What became of a proposal that is not open: ``was refused by ada at 2026-11-21T03:00: too few winters``."""
    later = moves[moves.index(proposal) + 1 :]
    for move in later:
        if move.kind in ANSWERS and move.model == proposal.model:
            return f"was {ANSWERS[move.kind]} by {move.by} at {move.at[:16]}: {move.why}"
    last = _last_about_who_serves(moves)
    if last is not None and last.kind == "proposal" and last != proposal:
        return f"lapsed: {last.model} was proposed after it"
    champion = reigning(moves)
    if champion is None:
        return "lapsed"
    if champion in moves[: moves.index(proposal)]:
        return f"is for {proposal.as_of}, and {champion.model} is champion as of {champion.as_of}: it cannot succeed it"
    by = f"{champion.model} is champion, since {champion.at[:16]} ({champion.kind} by {champion.by})"
    return f"lapsed, for the champion moved: {by}"


def _last_about_who_serves(moves: Sequence[Move]) -> Move | None:
    known = [move for move in by_partition(moves) if move.kind != "refusal"]
    return known[-1] if known else None


@dataclass(frozen=True)
class Ledger:
    """The champions of one problem, or of one line of its partitions, where each has its own.

    Attributes:
        line: see ``Kind.line``; its place in the store. None: the problem's only one.
        in_time: whether there is a time in which champions were known before a partition.
    """

    store: Store
    problem: str
    line: str | None
    in_time: bool = True

    @classmethod
    def of(cls, store: Store, problem: Problem, partition: str | None) -> Ledger:
        """The ledger that decisions about ``partition`` belong to."""
        line = None if partition is None else problem.partitions.line(partition)
        return cls(store, problem.name, line, problem.partitions.in_time)

    @property
    def asset(self) -> str:
        """The ref's name in the store."""
        return f"{self.problem}/{LEDGER}"

    def moves(self) -> list[Move]:
        """All entries, oldest first; on a branch: those of ``main``, then the branch's own."""
        return [_move(entry) for entry in self.store.full_log(self.asset, self.line)]

    def champion(self, *, before: str | None = None, until: str | None = None) -> Move | None:
        """The present champion, or the one known before (or at the end of) a partition in time; None where there is none."""
        if not self.in_time:
            return reigning(self.moves())
        return reigning(self.moves(), before=before, until=until)

    def at(self, time: str) -> Move:
        """Who was champion at ``time`` (ISO 8601; without zone: UTC).

        Raises:
            UsageError: if that is no time.
            UnknownVersion: if there was none yet.
        """
        asked = instant(time)
        champion = reigning([move for move in self.moves() if instant(move.at) <= asked])
        if champion is None:
            raise UnknownVersion(f"{self.problem} had no champion at {asked.isoformat()}. See its moves: --log")
        return champion

    def current(self, until: str | None = None) -> Move:
        """The present champion, or the one known at the end of a partition in time.

        Raises:
            UnknownVersion: if there is none yet.
        """
        champion = self.champion(until=until)
        if champion is None:
            known = f" known at the end of {until}" if until and self.in_time else ""
            raise UnknownVersion(
                f"{self.problem} has no champion{known} on branch {self.store.branch}. {self._remedy()}"
            )
        return champion

    def proposal(self) -> Move | None:
        """The model that waits for somebody's approval; None where none does."""
        return open_proposal(self.moves())

    def _remedy(self) -> str:
        waiting = self.proposal()
        if waiting is not None:
            return f"{waiting.model} is proposed. Let it serve: {how_to_approve(waiting.model)}"
        return (
            f"Make one: ml-assets run {self.problem} --partition P, or promote a model by hand: "
            f"ml-assets promote {self.problem}/model@P --why '…'"
        )

    def enter(
        self,
        model: VersionKey,
        *,
        kind: Kind,
        after: Sequence[Move],
        as_of: str | None,
        why: str,
        run: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> Move:
        """Write an entry about ``model``, provided that ``after`` still are all entries there are.

        Raises:
            RefMoved: if there are others meanwhile; nothing was changed.
        """
        entry = self.store.move(
            self.asset,
            self.line,
            model,
            expected=max((move.number for move in after if move.branch == self.store.branch), default=0),
            why=why,
            run=run,
            details={**(details or {}), "kind": kind, "as_of": as_of, "branch": self.store.branch},
        )
        return _move(entry)


def how_to_approve(model: VersionKey) -> str:
    """The command that lets a proposed model serve: exactly this one, whatever is proposed meanwhile."""
    exact = shlex.quote(f"{model.asset}@{model.partition}:{model.short}")
    return f"ml-assets approve {exact} --why '…'"


def instant(time: str) -> datetime:
    """A time as people write it; without an offset it is UTC.

    Raises:
        UsageError: if it is none.
    """
    try:
        read = datetime.fromisoformat(time)
    except ValueError:
        raise UsageError(f"{time!r} is no time. Write it as 2026-11-21T03:00Z.") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _move(entry: RefEntry) -> Move:
    told = entry.details
    return Move(
        entry.n,
        told["branch"],
        entry.target,
        told["kind"],
        told["as_of"],
        entry.by,
        entry.why,
        entry.at,
        entry.run,
        told,
    )
