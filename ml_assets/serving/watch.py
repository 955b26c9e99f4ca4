"""A thread that looks after the champions, now and then, until the server stops."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ml_assets.serving.alarm import Alarm
from ml_assets.serving.line import Line
from ml_assets.serving.metrics import Shared


class Watch:
    """Looks at each line at once, then every so many seconds, and sends what the lines had to tell.

    Args:
        seconds: between looks.
    """

    def __init__(self, lines: Sequence[Line], shared: Shared, alarm: Alarm, seconds: float) -> None:
        self._lines, self._shared, self._alarm, self._seconds = lines, shared, alarm, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin; returns before anything is loaded."""
        self._shared.take_up()
        self._thread.start()

    def stop(self) -> None:
        """End. A model that is being loaded is not waited for."""
        self._stop.set()
        self._shared.leave()

    def _run(self) -> None:
        while not self._stop.is_set():
            for line in self._lines:
                line.look()
            self._shared.leave()
            self._alarm.send_waiting()
            self._stop.wait(self._seconds)
