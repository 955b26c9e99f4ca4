"""A folder of copies for all processes of a machine, as large as somebody allows. It may be deleted at any time.

    <folder>/<aa>/<digest of the name>     one copy each, appears whole (written aside, renamed)

Nothing here is trusted: who reads a copy verifies it, and one that is damaged is deleted. So nothing is locked or synced.
The time of a file says when it was last used: when the folder is too large, those go that were not for longest. A process
looks after it once it has written a twentieth of what fits in (the first time after a random part of that, so that many
short ones do it in turns): by so much the folder may be larger for a while. A folder that cannot be written, or is full,
costs speed, and one line in the log.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ml_assets.store.backends.backend import PIECE
from ml_assets.store.canonical import digest

logger = logging.getLogger(__name__)

SHARE = 4  # one copy takes at most this part of the room
TIDIED_AFTER = 20  # a process that wrote this part of the room looks whether too much is there
LEFT = 0.9  # of the room, when it was too much
UNFINISHED = "#"  # in the names of files that are being written
ABANDONED_SECONDS = 3600.0  # after which whoever was writing one is taken to be dead


class _File(NamedTuple):
    used: float
    size: int
    path: str


class CopyFolder:
    """See the module's docstring. Names are any text; whoever uses the folder puts into them what tells stores apart.

    Args:
        room: bytes.
        chance: a random number from 0 to 1.
    """

    def __init__(self, folder: Path, room: int, chance: Callable[[], float] = random.random) -> None:
        self.folder, self.room = folder, room
        self._until_tidied = chance() * room / TIDIED_AFTER
        self._lock = threading.Lock()
        self._has_complained = False

    def has(self, name: str) -> bool:
        """Whether there is a copy, which need not be whole."""
        return self._path(name).exists()

    def get(self, name: str, is_whole: Callable[[bytes], bool]) -> bytes | None:
        """The bytes of a copy; None if there is none, or none that is whole."""
        path = self._path(name)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if not is_whole(data):
            self.drop(name)
            return None
        self._used(path)
        return data

    def pieces(self, name: str) -> Iterator[bytes] | None:
        """The bytes of a copy, unverified and in pieces, for what may be larger than memory; None if there is none."""
        path = self._path(name)
        try:
            file = path.open("rb")
        except OSError:
            return None
        self._used(path)
        return _pieces(file)

    def put(self, name: str, data: bytes) -> None:
        """Keep a copy, if there is room for one of its size."""
        self._write(name, len(data), lambda path: path.write_bytes(data))

    def put_file(self, name: str, source: Path) -> None:
        """As ``put``, of a local file."""
        self._write(name, source.stat().st_size, partial(shutil.copyfile, source))

    def drop(self, name: str) -> None:
        """Delete a copy that was found damaged."""
        logger.warning("The copy %s was damaged: it is deleted, and what it was a copy of is read.", self._path(name))
        with suppress(OSError):
            self._path(name).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Delete the copies that were not used for longest, if there is too much, and what writers that died left behind."""
        files, now = list(self._files()), time.time()
        unfinished = [file for file in files if UNFINISHED in file.path.rpartition(os.sep)[2]]
        _delete(file for file in unfinished if now - file.used > ABANDONED_SECONDS)
        excess = sum(file.size for file in files) - self.room
        if excess > 0:
            _delete(_first(sorted(set(files) - set(unfinished)), excess + round(self.room * (1 - LEFT))))

    def _write(self, name: str, size: int, write: Callable[[Path], object]) -> None:
        if size > self.room // SHARE:
            return
        path = self._path(name)
        unfinished = path.with_name(f"{path.name}{UNFINISHED}{secrets.randbits(48)}")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(exist_ok=True)
            write(unfinished)
            unfinished.replace(path)
            self._tidy_after(size)
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            self._complain(error)

    def _tidy_after(self, written: int) -> None:
        with self._lock:
            self._until_tidied -= written
            is_due = self._until_tidied <= 0
            if is_due:
                self._until_tidied = self.room / TIDIED_AFTER
        if is_due:
            self.tidy()

    def _files(self) -> Iterator[_File]:
        for path, _, names in os.walk(self.folder):
            for name in names:
                with suppress(OSError):  # another process was quicker to delete it
                    found = os.stat(os.path.join(path, name))  # noqa: PTH116, PTH118  # a hundred thousand of them
                    yield _File(found.st_mtime, found.st_size, os.path.join(path, name))  # noqa: PTH118

    def _used(self, path: Path) -> None:
        with suppress(OSError):  # deleted meanwhile, or not ours to change
            os.utime(path)

    def _path(self, name: str) -> Path:
        called = digest(name.encode())
        return self.folder / called[:2] / called

    def _complain(self, error: OSError) -> None:
        if not self._has_complained:
            self._has_complained = True
            logger.warning(
                "No copies are kept in %s: %s. So each process reads from the store what others have read already. "
                "Make room, or set ML_ASSETS_CACHE to another folder.",
                self.folder,
                error.strerror or error,
            )


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _first(files: list[_File], excess: int) -> Iterator[_File]:
    """The first of the files, as many as take so many bytes."""
    for file in files:
        if excess <= 0:
            return
        excess -= file.size
        yield file


def _delete(files: Iterator[_File]) -> None:
    for file in files:
        with suppress(OSError):
            Path(file.path).unlink(missing_ok=True)
