"""The processes of a training on this machine: torchrun as a child, a rank per GPU."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

from ml_assets.settings import environ_for_ranks
from ml_assets.worker import node
from ml_assets.worker.order import Order

SECONDS_TO_STOP = 45  # for ranks that were asked to stop: to finish a step and to save, well within the grace of a pod
HEARD_WITHIN = 0.2  # seconds


class Here:
    """A torchrun that was started. See ``Crew``."""

    def __init__(self, order: Order, ranks: int) -> None:
        self._node = subprocess.Popen(  # noqa: S603
            [sys.executable, *node.command(node.here(ranks), order.to_text())],
            env=environ_for_ranks(ranks, SECONDS_TO_STOP),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches it only from here
        )
        self._asked = False
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._ear = threading.Thread(target=self._listen, daemon=True, name="ranks")
        self._ear.start()

    @property
    def is_over(self) -> bool:
        """Whether all have ended and been heard."""
        return self._node.poll() is not None and not self._ear.is_alive() and self._lines.empty()

    @property
    def fate(self) -> str:
        """See ``Crew``. Which rank was killed, torchrun says; if torchrun is, nobody does."""
        return "torchrun was ended by SIGKILL." if self._node.poll() == -signal.SIGKILL else ""

    def hear(self) -> list[str]:
        """See ``Crew``."""
        return list(self._said())

    def ask_to_stop(self) -> None:
        """See ``Crew``. torchrun passes it on."""
        self._asked = True
        self._node.terminate()

    def close(self) -> None:
        """See ``Crew``. Ranks end by themselves when torchrun is gone, and with them what they say."""
        if self._node.poll() is None:
            if not self._asked:  # torchrun that is asked twice gives up what it does about it
                self.ask_to_stop()
            with suppress(subprocess.TimeoutExpired):
                self._node.wait(SECONDS_TO_STOP)
        if self._node.poll() is None:
            os.killpg(self._node.pid, signal.SIGKILL)
            self._node.wait()
        self._ear.join()
        if self._node.stdout is not None:
            self._node.stdout.close()

    def _listen(self) -> None:
        for line in self._node.stdout or ():
            self._lines.put(line.rstrip("\n"))

    def _said(self) -> Iterator[str]:
        with suppress(queue.Empty):
            yield self._lines.get(timeout=HEARD_WITHIN)
            while True:
                yield self._lines.get_nowait()
