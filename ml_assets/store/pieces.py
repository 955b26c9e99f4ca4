"""A large file of which some bytes are read without the others, and verified all the same.

    table.parquet          a₁ ─┬─ b₁ ─┬─ a₂ ─┬─ b₂ ─┬─ the end      (columns a and b, row groups 1 and 2)
    table.pieces.json      [[size, digest], [size, digest], …]       each of these pieces, in order

The list is a file of the content like the table itself. So the manifest says its digest, it says those of the pieces, and who
trusts a version trusts each piece that is read of it. Who reads everything does not need the list.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from ml_assets.store.backends.backend import PIECE
from ml_assets.store.canonical import canonical, digest, parse
from ml_assets.store.content import Content
from ml_assets.store.together import side_by_side

LIST = "table.pieces.json"
GAP = 1 << 16  # bytes that nobody asked for, up to which one request is quicker than two
AT_ONCE = 8  # requests, of a PIECE or of one piece each


class Piece(NamedTuple):
    """Some bytes of a file, and their digest."""

    start: int
    stop: int
    digest: str

    @property
    def size(self) -> int:
        """In bytes."""
        return self.stop - self.start


def cut(data: memoryview, ends: Iterable[int]) -> list[Piece]:
    """The pieces of a file that end at ``ends``, and the last one, which ends with the file."""
    bounds = sorted({0, *ends, len(data)})
    return [Piece(start, stop, digest(data[start:stop])) for start, stop in pairwise(bounds)]


def to_json(pieces: Iterable[Piece]) -> bytes:
    """The list of a file's pieces, as it is stored."""
    return canonical([[piece.size, piece.digest] for piece in pieces])


def from_json(data: bytes, size: int) -> list[Piece]:
    """The pieces of a file of ``size`` bytes; ValueError if they are those of no such file."""
    pieces, start = [], 0
    for length, found in parse(data):
        pieces.append(Piece(start, start + length, found))
        start += length
    if start != size or any(piece.size <= 0 for piece in pieces):
        raise ValueError(f"pieces of {start} bytes are not those of a file of {size}")
    return pieces


def as_listed_in(recorded: Content, content: Content) -> Content:
    """A content without the lists of pieces that one, recorded before there were any, lacks: tables are the same without."""
    known = {file.path for file in recorded.files}
    files = (file for file in content.files if file.path in known or file.path.rpartition("/")[2] != LIST)
    return replace(content, files=tuple(files))


def are_whole(pieces: Sequence[Piece], data: bytes) -> bool:
    """Whether these are the bytes of pieces that follow each other."""
    first, view = pieces[0].start, memoryview(data)
    return len(data) == pieces[-1].stop - first and all(
        digest(view[piece.start - first : piece.stop - first]) == piece.digest for piece in pieces
    )


class Sparse:
    """A file on this machine that holds the pieces which were asked for, each verified; elsewhere are holes.

    Args:
        path: of the file, which is made.
        fetch: the bytes of pieces that follow each other, verified.
    """

    def __init__(self, path: Path, pieces: Sequence[Piece], fetch: Callable[[Sequence[Piece]], bytes]) -> None:
        self.path, self.pieces = path, pieces
        self._fetch = fetch
        self._lacking = set(range(len(pieces)))
        with path.open("wb") as file:
            file.truncate(pieces[-1].stop)

    def hold(self, spans: Iterable[tuple[int, int]]) -> None:
        """Fetch the pieces that have bytes of these spans, as far as they are lacking, in few requests, some side by side."""
        starts = [piece.start for piece in self.pieces]
        wanted = {n for start, stop in spans for n in range(bisect_right(starts, start) - 1, bisect_left(starts, stop))}
        lacking = sorted(wanted & self._lacking)
        with self.path.open("r+b") as file:

            def write(run: range) -> None:
                pieces = self.pieces[run.start : run.stop]
                os.pwrite(file.fileno(), self._fetch(pieces), pieces[0].start)

            side_by_side(write, self._runs(lacking), AT_ONCE)
        self._lacking -= {*lacking}

    def _runs(self, numbers: Sequence[int]) -> Iterator[range]:
        """Numbers of pieces that one request fetches, with small ones between them that nobody asked for."""
        if not numbers:
            return
        first = last = numbers[0]
        for n in numbers[1:]:
            is_near = self.pieces[n].start - self.pieces[last].stop <= GAP
            if not is_near or self.pieces[n].stop - self.pieces[first].start > PIECE:
                yield range(first, last + 1)
                first = n
            last = n
        yield range(first, last + 1)
