"""Whom a server tells what somebody should look at: standard error at once, and where alerts go as soon as that answers."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ml_assets.alerts.alert import Alert
from ml_assets.alerts.outbox import Outbox, Send


def on_stderr(said: str) -> None:
    """A line of the server's log."""
    print(f"ml-assets serve: {said}", file=sys.stderr, flush=True)


@dataclass
class Alarm:
    """What waits to be sent is sent by whoever calls ``send_waiting``, now and then: nobody who is answered waits for it.

    Attributes:
        send: sends one alert, see ``alerts.destination``; None: nobody is sent any.
        say: writes a line of the server's log.
    """

    send: Send | None = None
    say: Callable[[str], None] = on_stderr
    clock: Callable[[], float] = time.time
    _outbox: Outbox = field(default_factory=lambda: Outbox(0))

    def tell(self, name: str, problem: str, said: str) -> None:
        """Tell that what is served under ``name`` needs somebody. Of very many that cannot be sent, the first are kept."""
        self.say(f"{name}: {said}")
        if self.send is not None and not self._outbox.full:
            title, command = f"{name} cannot follow its champion", f"ml-assets champion {shlex.quote(problem)} --log"
            waiting = (*self._outbox.waiting, Alert(name, "serving", title, said, command))
            self._outbox = replace(self._outbox, waiting=waiting)

    def send_waiting(self) -> None:
        """Send what waits, if it is time to. What cannot be sent is tried again later."""
        if self.send is None or not self._outbox.waiting:
            return
        self._outbox, trouble = self._outbox.sent(self.send, self.clock)
        if trouble is not None and self._outbox.failures == 1:
            self.say(f"an alert could not be sent and is tried again: {trouble.why}")
