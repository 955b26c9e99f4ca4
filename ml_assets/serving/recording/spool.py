"""Frames of bytes in files that only grow, until somebody has read them: what is written outlives the process.

    FOLDER/<place>/lock           held (flock) by the process that has this place, as long as it lives; says for whom it is
    FOLDER/<place>/000001.spool   frames: length, CRC-32, kind, then so many bytes
    FOLDER/<place>/000002.spool   …

Every process writes in a place of its own. A place whose lock nobody holds was left behind, and whoever has the same ends and
locks it first takes it up. A frame is one write; what a kill, a power cut or a full disk left of the last one is a *torn tail*:
it is cut off, and counted. Nothing is synced: a killed process loses nothing, a power cut what the system had not written yet.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

HEAD = struct.Struct("<IIc")
LOCK, SUFFIX, UNBORN = "lock", ".spool", "."


class Frame(NamedTuple):
    """What was appended: its kind, one byte, and the rest."""

    kind: bytes
    body: bytes


def framed(kind: bytes, body: bytes) -> bytes:
    """A frame as it stands in a file."""
    return HEAD.pack(len(body), zlib.crc32(kind + body), kind) + body


def read(file: Path) -> tuple[list[Frame], int]:
    """The whole frames of a file, and how many bytes of a torn tail are behind them."""
    data = file.read_bytes()
    found, at = list[Frame](), 0
    for frame, end in _frames(data):
        found.append(frame)
        at = end
    return found, len(data) - at


def _frames(data: bytes) -> Iterator[tuple[Frame, int]]:
    at = 0
    while at + HEAD.size <= len(data):
        size, checksum, kind = HEAD.unpack_from(data, at)
        end = at + HEAD.size + size
        body = data[at + HEAD.size : end]
        if not size or end > len(data) or zlib.crc32(kind + body) != checksum:  # zeros are no frame
            return
        yield Frame(kind, body), end
        at = end


@dataclass(frozen=True)
class Place:
    """A folder of spool files that this process alone has.

    Attributes:
        lock: the open file whose lock says so; it is gone with the process.
    """

    folder: Path
    lock: int

    @classmethod
    def new(cls, spool: Path, ends: str) -> Place:
        """One of this process. It has its lock before others see it.

        Args:
            ends: where what is in it is to go.
        """
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"
        unborn = spool / f"{UNBORN}{name}"
        unborn.mkdir(parents=True)
        lock = os.open(unborn / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(lock, ends.encode())
        return cls(unborn.rename(spool / name), lock)

    @classmethod
    def left_behind(cls, spool: Path, ends: str) -> list[Place]:
        """Those of processes that are gone, which are this one's from now on; only what is to go to the same ends."""
        folders = sorted(folder for folder in spool.iterdir() if not folder.name.startswith(UNBORN))
        return [place for folder in folders if (place := cls._taken_up(folder, ends)) is not None]

    @classmethod
    def _taken_up(cls, folder: Path, ends: str) -> Place | None:
        try:
            if (folder / LOCK).read_text() != ends:
                return None
            lock = os.open(folder / LOCK, os.O_RDWR)
        except OSError:  # somebody has just emptied it
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (folder / LOCK).stat()  # else it was emptied between the two
        except OSError:
            os.close(lock)
            return None
        return cls(folder, lock)

    def files(self) -> list[Path]:
        """Its files, oldest first."""
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def let_go(self) -> None:
        """Let others have what is left in it; an empty one goes away."""
        if not self.files():
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.lock)


class Writer:
    """Appends to the newest file of a place. For one thread at a time.

    Attributes:
        size: of the file that is open; 0 if none is.
    """

    def __init__(self, place: Place) -> None:
        self._place, self._file = place, -1
        self._number, self.size = 0, 0

    def append(self, data: bytes) -> None:
        """Write whole frames, or nothing of them.

        Raises:
            OSError: if the disk does not take them.
        """
        if self._file < 0:
            self._number += 1
            path = self._place.folder / f"{self._number:06d}{SUFFIX}"
            self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            _write(self._file, data)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(data)

    @property
    def opened(self) -> Path | None:
        """The file that is open."""
        return self._place.folder / f"{self._number:06d}{SUFFIX}" if self._file >= 0 else None

    def close(self) -> None:
        """Nothing more is appended to this file; the next frame begins another one."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self.size = -1, 0


def _write(file: int, data: bytes) -> None:
    written = os.write(file, data)
    if written < len(data):
        raise OSError(f"the disk took {written} of {len(data)} bytes")
