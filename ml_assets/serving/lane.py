"""One answer after the other, beside the event loop; so many may wait, and none longer than it is allowed to.

A process computes one answer at a time: the libraries below it use the cores that are its share, and threads that compete for
Python's lock answer none of them sooner. More cores are more processes.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from ml_assets.errors import NotAnswered

T = TypeVar("T")
COME_AGAIN_SECONDS = 1


class Lane:
    """A thread with a bounded queue.

    Args:
        most: how many may be in it, waiting or being computed.
        seconds: how long one may take, waiting included.
        changed: told how many there are.
    """

    def __init__(self, most: int, seconds: float, changed: Callable[[int], None] = lambda waiting: None) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._most, self._seconds, self._changed = most, seconds, changed
        self._lock, self.waiting = threading.Lock(), 0

    async def run(self, work: Callable[[], T]) -> T:
        """What ``work`` returns.

        Raises:
            NotAnswered: 503 if too many wait, 504 if it took too long. What computes then is not interrupted, and counts until
                it is done; what only waited is never begun.
        """
        future = self.enter(work)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._seconds)
        except TimeoutError:
            raise NotAnswered(
                504,
                f"There was no answer within {self._seconds:g} s. Send fewer rows at a time, or ask again when fewer do.",
                retry_after=COME_AGAIN_SECONDS,
            ) from None

    def enter(self, work: Callable[[], T]) -> Future[T]:
        """Have something done, without waiting for it. Raises NotAnswered if too many wait."""
        with self._lock:
            if self.waiting >= self._most:
                raise NotAnswered(
                    503,
                    f"{self.waiting} requests are waiting already. Ask again in {COME_AGAIN_SECONDS} s, or start more workers.",
                    retry_after=COME_AGAIN_SECONDS,
                )
            self.waiting += 1
        self._changed(self.waiting)
        future = self._thread.submit(work)
        future.add_done_callback(self._left)
        return future

    def _left(self, future: Future[Any]) -> None:
        with self._lock:
            self.waiting -= 1
        self._changed(self.waiting)

    def close(self) -> None:
        """Let what is in it be done, and end the thread."""
        self._thread.shutdown(wait=True)
