"""What was read, what was said, what waits: the whole memory of the alerts, small enough for a sensor's cursor.

*Read.* What happens is numbered in order, but a writer may be late: see position.py.

*Said.* A finding about a subject is told once. It may be told again after the subject was made successfully.

*Waiting.* Alerts are sent in order, and one that cannot be sent keeps its place and those behind it. While a few wait,
nothing more is read: Dagster's event log, not this memory, holds the rest, however long the other side is down.

Each alert is sent at least once. It is sent twice where the other side took it but its answer was lost, or where this
process ended after it was sent and before the memory was written: the rest of one look.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ml_assets.alerts.alert import Alert, together
from ml_assets.alerts.position import Position
from ml_assets.errors import UsageError

FULL = 20  # waiting alerts, above which nothing more is read
MAX_SUBJECTS, MAX_FINDINGS = 500, 10  # remembered; of what is forgotten, the oldest first, one more alert may come
SENDING_SECONDS = 20  # of one look; Dagster ends it after 60
# Seconds until an alert that could not be sent is tried again: at first, at most, and at most where the other side asks.
FIRST_PAUSE, LONGEST_PAUSE, LONGEST_WISH = 5.0, 60.0, 3600.0


@dataclass(frozen=True)
class Happening:
    """Something that happened.

    Attributes:
        id: its number; larger ones are newer.
        at: when, in seconds since 1970.
        made: the subject that was made successfully, if one was: what was found about it before is over.
        alerts: what somebody should look at.
    """

    id: int
    at: float
    made: str = ""
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True)
class NotSent:
    """Why an alert could not be sent, without saying where to; ``after``: seconds that the other side asks to wait."""

    why: str
    after: float = 0.0


Send = Callable[[Alert], NotSent | None]


@dataclass(frozen=True)
class Outbox:
    """The memory between two looks.

    Attributes:
        position: everything up to this number was read.
        seen: numbers after the position that were read too, and when they happened.
        known: by subject, the findings that were told and are not over, oldest subject first.
        waiting: alerts to be sent, in order.
        failures: attempts since the last alert that was sent.
        not_before: when to try again, in seconds since 1970.
    """

    position: int
    seen: Mapping[int, float] = field(default_factory=dict)
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    waiting: tuple[Alert, ...] = ()
    failures: int = 0
    not_before: float = 0.0

    @property
    def read(self) -> Position:
        """How far the log was read."""
        return Position(self.position, self.seen)

    @property
    def full(self) -> bool:
        """Whether so many alerts wait that nothing more should be read."""
        return len(self.waiting) >= FULL

    def after(self, happenings: Iterable[Happening], now: float, unread: int | None = None) -> Outbox:
        """With these in it, given in order; ``unread`` is the number of the first one that was left for the next look."""
        known, found, seen = dict(self.known), list[Alert](), dict[int, float]()
        for happening in happenings:
            seen[happening.id] = happening.at
            found += _news(known, happening)
        remembered, read = dict(list(known.items())[-MAX_SUBJECTS:]), self.read.after(seen, now, unread)
        waiting = (*self.waiting, *together(found))
        return replace(self, known=remembered, waiting=waiting, position=read.number, seen=read.seen)

    def sent(self, send: Send, clock: Callable[[], float]) -> tuple[Outbox, NotSent | None]:
        """What is left after sending what can be sent now, and why something could not."""
        started, waiting = clock(), list(self.waiting)
        if started < self.not_before:
            return self, None
        while waiting and clock() < started + SENDING_SECONDS:
            trouble = send(waiting[0])
            if trouble is not None:
                failures = self.failures + 1 if len(waiting) == len(self.waiting) else 1
                pause = max(_pause(failures), min(trouble.after, LONGEST_WISH))
                return replace(self, waiting=tuple(waiting), failures=failures, not_before=clock() + pause), trouble
            del waiting[0]
        return replace(self, waiting=tuple(waiting), failures=0, not_before=0.0), None

    def to_cursor(self) -> str:
        """As text."""
        return json.dumps({**asdict(self), "seen": list(self.seen.items())}, separators=(",", ":"))

    @classmethod
    def from_cursor(cls, cursor: str) -> Outbox:
        """From text.

        Raises:
            UsageError: if it is no memory of alerts.
        """
        try:
            return _from_json(json.loads(cursor))
        except (ValueError, TypeError, KeyError, AttributeError) as broken:
            raise UsageError(
                "The cursor of the sensor 'alerts' is not one that it wrote, so what was told already is unknown. "
                "Reset it on the sensor's page: alerts then begin with what happens from now on."
            ) from broken


def _from_json(saved: Any) -> Outbox:
    return Outbox(
        position=int(saved["position"]),
        seen={int(number): float(at) for number, at in saved["seen"]},
        known={subject: tuple(findings) for subject, findings in saved["known"].items()},
        waiting=tuple(Alert(**alert) for alert in saved["waiting"]),
        failures=int(saved["failures"]),
        not_before=float(saved["not_before"]),
    )


def _news(known: dict[str, tuple[str, ...]], happening: Happening) -> list[Alert]:
    """The alerts of a happening that were not told before; ``known`` is brought up to date."""
    subjects = dict.fromkeys([happening.made, *(alert.subject for alert in happening.alerts)])
    before = {subject: known.pop(subject, ()) for subject in subjects}
    news = [alert for alert in happening.alerts if alert.finding not in before[alert.subject]]
    for alert in happening.alerts:
        still = () if alert.subject == happening.made else known.get(alert.subject) or before[alert.subject]
        known[alert.subject] = (*(f for f in still if f != alert.finding), alert.finding)[-MAX_FINDINGS:]
    return news


def _pause(failures: int) -> float:
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 10))
