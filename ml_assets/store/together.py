"""Several threads: what they ask for at the same time is asked once, and what one of them asks for goes out side by side."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

AT_ONCE = 16  # requests: on an object store each waits for its reply
T = TypeVar("T")
S = TypeVar("S")


class Together:
    """Questions that are under way, by name: who asks one of them again waits for the same answer, or error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[Any]] = {}

    def ask(self, name: str, do: Callable[[], T]) -> T:
        """What ``do`` returns, of whoever asked first."""
        with self._lock:
            under_way = self._under_way.get(name)
            mine: Future[T] = Future()
            if under_way is None:
                self._under_way[name] = mine
        if under_way is not None:
            answer: T = under_way.result()
            return answer
        try:
            mine.set_result(do())
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._under_way[name]
        return mine.result()


def ahead(do: Callable[[S], T], items: Iterable[S], at_once: int) -> Iterator[T]:
    """``do`` of each item, in order, some of them ahead of whoever takes the results; no more are held than that."""
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        for item in items:
            waiting.append(pool.submit(do, item))
            if len(waiting) == at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def side_by_side(do: Callable[[S], T], items: Iterable[S], at_once: int = AT_ONCE) -> list[T]:
    """``do`` of each item, some at the same time, in the order of the items; what one raises is raised."""
    waiting = list(items)
    if len(waiting) < 2:
        return [do(item) for item in waiting]
    with ThreadPoolExecutor(min(at_once, len(waiting))) as pool:
        return list(pool.map(do, waiting))
