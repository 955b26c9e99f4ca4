"""One thing that somebody should look at, and how it reads in a log and in a chat."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

TEXT_LIMIT = 1_500  # characters of an alert's text that are kept: a dozen waiting alerts must fit in a sensor's cursor
MESSAGE_LIMIT = 3_000  # of a message: what Slack shows in one piece
GROUPED_ABOVE = 3  # decisions of a kind found at once

Kind = Literal["failure", "decision", "proposal", "staleness", "regret", "serving", "skew", "alarm"]
GROUPED = {"decision": "models were not promoted", "proposal": "models were proposed", "alarm": "alarms of monitoring"}

# What differs between two occurrences of the same thing: versions, digests, run ids, addresses in memory.
_PASSING = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    r"|\b0x[0-9a-f]+\b"
    r"|\b(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,}\b"
    r"|\b[0-9]{12}\b"  # one version in 280 begins with twelve decimal digits
)


@dataclass(frozen=True)
class Alert:
    """One incident.

    Attributes:
        subject: what it is about: ``flight_delays/dataset [2013-04]``.
        kind: what sort of incident; decisions, proposals, or alarms of monitoring, found at once are told together.
        title: what happened, in a few words.
        text: what was found, and what it means; of a long one its beginning and its end are kept.
        command: what to type next; empty where the text says it.
        link: the address of a page about it; empty where none is known.
    """

    subject: str
    kind: Kind
    title: str
    text: str
    command: str = ""
    link: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", shorten(self.text, TEXT_LIMIT))

    @property
    def finding(self) -> str:
        """What was found, without what differs each time it is found: equal for a file that fails again as it did before.

        A regret, and an alarm of monitoring, is that of its subject, by whichever partition it is told again; a skew that of
        its title, which names columns: in how many rows they differ is another number each day.
        """
        whole = _PASSING.sub("#", f"{self.kind} {self.title} {self.text}")
        by_kind = {"regret": self.kind, "alarm": self.kind, "skew": f"{self.kind} {self.title}"}
        said = by_kind.get(self.kind, whole)
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def together(alerts: Sequence[Alert]) -> list[Alert]:
    """The alerts of one look, in order; more than a few decisions of a kind (a catch-up of many months) as one."""
    told = list(alerts)
    for kind, what in GROUPED.items():
        alike = [alert for alert in told if alert.kind == kind]
        if len(alike) > GROUPED_ABOVE:
            told = [*(alert for alert in told if alert.kind != kind), _as_one(alike, what)]
    return told


def _as_one(alerts: Sequence[Alert], what: str) -> Alert:
    room = TEXT_LIMIT // len(alerts) - 1
    lines = [shorten(f"{alert.title}. {alert.text}".replace("\n", " "), room) for alert in alerts]
    return Alert("", alerts[0].kind, f"{len(alerts)} {what}", "\n".join(lines), command=alerts[-1].command)


def plain(alert: Alert) -> str:
    """As it reads in a log."""
    return "\n".join(part for part in (f"{alert.title}. {alert.text}", _next(alert), alert.link) if part)


def slack(alert: Alert) -> str:
    """As it reads in a chat: Slack's mrkdwn, in which nothing that was quoted can become a link or call people."""
    end = "".join(f"\n{part}" for part in (_escaped(_next(alert)), _link(alert.link)) if part)
    text, room = alert.text, TEXT_LIMIT
    while len(message := f"*{_escaped(alert.title)}*\n{_escaped(text)}{end}") > MESSAGE_LIMIT and room > 0:
        room -= 200  # escaping makes it longer, by how much depends on what is in it
        text = shorten(alert.text, room)
    return message


def shorten(text: str, limit: int) -> str:
    """The text, its middle left out if it is longer: how it begins says what it is, how it ends what to do."""
    if len(text) <= limit:
        return text
    tail = max(0, limit // 3)
    return f"{text[: max(0, limit - tail - 3)]} … {text[len(text) - tail :]}"


def _next(alert: Alert) -> str:
    return f"Next: {alert.command}" if alert.command else ""


def _link(address: str) -> str:
    return f"<{_escaped(address).replace('|', '%7C')}>" if address else ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
