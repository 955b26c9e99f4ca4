"""A bucket in memory whose clock stands until it is told otherwise; its client dies, or is overtaken, at a chosen moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ml_assets_tests.doubles.bucket import Bucket


class Died(Exception):  # a process, not an error
    """The process that wrote is gone."""


class Clocked(Bucket):
    """A backend.

    Args:
        keeps_times: what is renamed is as old as it was, as on a disk; else it is new, as what a server copied.

    Attributes:
        now: what time it is, in seconds.
    """

    def __init__(self, *, keeps_times: bool = False) -> None:
        super().__init__("s3://bucket/clocked")
        self.now = 1_000_000.0
        self._keeps_times = keeps_times
        self._left: int | None = None
        self._moment, self._happen = 0, lambda: None

    @contextmanager
    def disturbed(self, dies_after: int | None, moment: int, happen: Callable[[], None]) -> Iterator[None]:
        """Whoever is at work inside dies after so many writes, if it makes so many; at a moment of it something else happens."""
        self._left, self._moment, self._happen = dies_after, moment, happen  # type: ignore[assignment]
        try:
            yield
        except Died:
            pass
        finally:
            self._left, self._moment = None, 0

    def rename(self, key: str, to: str) -> bool:
        """In two steps, as servers do."""
        self._ask("copy", key)
        if key not in self.objects:
            return False
        data, modified = self.objects[key]
        self._step()
        self.objects[to] = data, modified if self._keeps_times else self.now
        self.delete(key)
        return True

    def delete(self, key: str) -> None:
        self._step()
        super().delete(key)

    def _put(self, key: str, data: bytes) -> bool:
        self._step()
        self.objects[key] = data, self.now
        return True

    def _ask(self, kind: str, key: str) -> None:
        super()._ask(kind, key)
        self._moment -= 1
        if self._moment == 0:
            left, self._left = self._left, None
            self._happen()
            self._left = left

    def _step(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Died
