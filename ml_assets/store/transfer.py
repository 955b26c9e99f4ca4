"""How far a large transfer is: a line in the log if it takes long, and again now and then, as of a server that is waited for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from ml_assets.store.backends.patience import SAID_AFTER, SAID_AGAIN_AFTER, duration

logger = logging.getLogger(__name__)

LARGE = 64 << 20  # bytes, up to which nothing is said
MIB = 1 << 20
T = TypeVar("T", bound=bytes | memoryview)


def told(what: str, pieces: Iterable[T], size: int, clock: Callable[[], float] = time.monotonic) -> Iterator[T]:
    """The pieces of so many bytes, as they are taken, which the log is told of.

    Args:
        what: is done to which object: ``read s3://…``.
        clock: seconds that only grow.
    """
    started, said, done = clock(), SAID_AFTER, 0
    for piece in pieces:
        yield piece
        done += len(piece)
        waited = clock() - started
        if waited >= said and done < size > LARGE:
            rate = done / MIB / waited
            logger.warning(
                "%s: %d of %d MiB after %s, %.1f MiB/s.", what, done // MIB, size // MIB, duration(waited), rate
            )
            said = waited + SAID_AGAIN_AFTER


def parts(source: bytes | Path, size: int) -> Iterator[bytes | memoryview]:
    """Bytes, or those of a local file, in parts of so many bytes: of the bytes nothing is copied."""
    if isinstance(source, bytes):
        yield from (memoryview(source)[start : start + size] for start in range(0, len(source), size))
        return
    with source.open("rb") as file:
        while part := file.read(size):
            yield part
