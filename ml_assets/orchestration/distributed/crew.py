"""Waits for the processes of a training: relays their progress, asks them to stop, and says how they ended.

Whatever happens to whoever waits, the processes are over when it leaves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ml_assets import errors
from ml_assets.errors import Interrupted, MlAssetsError, RankFailed, RankLost
from ml_assets.training.run import Run
from ml_assets.worker.told import heard
from ml_assets.worker.work import Trained

LAST_LINES = 15  # of what processes that failed have said
BY_MACHINE = (
    "SIGKILL",
    "SIGTERM",
)  # how a machine ends a process: for want of memory, or because it is needed elsewhere
OF_OTHERS = ("SIGABRT",)  # how NCCL ends a rank that has lost the others


class Crew(Protocol):
    """The processes of one training, wherever they run."""

    def hear(self) -> Sequence[str]:
        """The lines said since the last time; waits for the first, but not long."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether no line will follow."""
        ...

    @property
    def fate(self) -> str:
        """How a machine ended them, as a sentence; empty if it did not, or nobody knows."""
        ...

    def ask_to_stop(self) -> None:
        """Let them save and end."""
        ...

    def close(self) -> None:
        """End them, if they have not ended, and leave nothing behind."""
        ...


def follow(crew: Crew, run: Run, name: str) -> Trained:
    """The model, once the processes are done.

    Args:
        run: hears of their progress, and whether they are to stop.
        name: how errors call the training.
    Raises:
        Interrupted: if they were asked to stop.
        RankLost: if a machine ended one of them.
        RankFailed: if one of them failed by itself.
        MlAssetsError: what one of them raised, if it was one of these.
    """
    said, asked = _Said(name), False
    try:
        while not crew.is_over:
            for line in crew.hear():
                said.add(line, run)
            if run.should_stop and not asked:
                crew.ask_to_stop()
                asked = True
        return said.outcome(crew.fate, asked=asked)
    finally:
        crew.close()


@dataclass
class _Said:
    """What was said so far."""

    name: str
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    done: Trained | None = None
    interrupted: str = ""
    failed: Mapping[str, Any] | None = None
    died: Mapping[str, Any] | None = None
    lost: Mapping[str, Any] | None = None

    def add(self, line: str, run: Run) -> None:
        """Take note of a line; progress goes to the run, what others print to standard output."""
        told = heard(line)
        if told is None:
            if line.strip():
                print(line)
                self.last.append(line)
        elif "step" in told:
            run.log(told["step"], **told["metrics"])
        elif "say" in told:
            run.report(told["say"])
        elif "done" in told:
            self.done = Trained.from_json(told)
        elif "interrupted" in told:
            self.interrupted = told["interrupted"]
        elif "failed" in told:
            self.failed = self.failed or told  # the first: others may fail because it is gone
        elif "lost" in told:
            self.lost = told
        elif "died" in told and told["signal"] not in OF_OTHERS:
            self.died = self.died or told

    def outcome(self, fate: str, *, asked: bool) -> Trained:
        """The model, or why there is none."""
        if self.done is not None:
            return self.done
        if self.failed is None and asked:
            raise Interrupted(
                f"{self.name}: {self.interrupted or 'it was asked to stop.'} It goes on from its last checkpoint."
            )
        if self.failed is None and (lost := self._lost(fate)):
            raise RankLost(
                f"{self.name} did not come to its end: {lost} Start it again: it goes on from its last checkpoint."
            )
        raise self._error()

    def _lost(self, fate: str) -> str:
        """Which process a machine ended; empty if it ended none."""
        if self.died is not None:
            by = self.died["signal"]
            return (
                f"rank {self.died['died']} was ended by {by}, perhaps for want of memory." if by in BY_MACHINE else ""
            )
        lost = f"rank {self.lost['lost']} lost the others: {self.lost['message']}." if self.lost is not None else ""
        return fate or self.interrupted or lost

    def _error(self) -> MlAssetsError:
        """What the first rank that failed has raised: if it is an error of ours, that one."""
        if self.failed is None:
            lines = "\n".join(self.last) or "they said nothing"
            return RankFailed(f"{self.name}: its processes ended before they were done. Their last lines:\n{lines}")
        kind = getattr(errors, self.failed["failed"], None)
        if isinstance(kind, type) and issubclass(kind, MlAssetsError):
            return kind(self.failed["message"])
        return RankFailed(f"{self.name}: rank {self.failed['rank']} failed:\n{self.failed['trace']}")
