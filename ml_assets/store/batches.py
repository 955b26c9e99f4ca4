"""Values some rows at a time: what is too large for memory goes through a temporary file instead.

    read    blob ──pieces──▶ file, digest verified ──rows──▶ DataFrame, DataFrame, …
    write   DataFrame, DataFrame, … ──row groups──▶ file, digest ──parts──▶ blob

No row is handed out before every byte was verified, and nothing is stored before every row was written.
"""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING, Any

from ml_assets.errors import UnreadableContent
from ml_assets.store import codecs
from ml_assets.store.blobs import Blobs
from ml_assets.store.codecs import array, table
from ml_assets.store.codecs.array import ArrayCodec
from ml_assets.store.codecs.record import RecordCodec
from ml_assets.store.codecs.table import TableCodec
from ml_assets.store.content import Content

if TYPE_CHECKING:
    import pandas as pd

BATCH_ROWS = 50_000  # of a table that is read in batches
FILES = {TableCodec.name: table.FILE, ArrayCodec.name: array.FILE}


class Opened:
    """A stored value on the disk of this machine: its tables and arrays are read some rows at a time, as often as wanted.

    A part is copied, and verified, when it is first asked for. The copies are gone when nobody has this any more.
    """

    def __init__(self, blobs: Blobs, content: Content, of: str = "") -> None:
        self._blobs, self._content, self._of = blobs, content, of
        self._folder: Path | None = None
        self._known: dict[str, tuple[pd.DataFrame, int]] = {}

    def batches(self, field: str = "", rows: int = BATCH_ROWS, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """See ``Store.batches``."""
        part = self._part(field)
        path = self._copied(part, field)
        with codecs.explained(part.codec):
            if part.codec == ArrayCodec.name:
                yield from array.read_batches(path, rows)
            else:
                yield from table.read_batches(path, rows, columns)

    def types(self, field: str = "") -> pd.DataFrame:
        """The columns and dtypes of a table, as a frame without rows."""
        return self._without_rows(field)[0]

    def count(self, field: str = "") -> int:
        """How many rows a table has."""
        return self._without_rows(field)[1]

    def _without_rows(self, field: str) -> tuple[pd.DataFrame, int]:
        if field not in self._known:
            part = self._part(field)
            path = self._copied(part, field)
            with codecs.explained(part.codec):
                self._known[field] = table.without_rows(path)
        return self._known[field]

    def _part(self, field: str) -> Content:
        part = RecordCodec.field(self._content, field) if field else self._content
        if [file.path for file in part.files] != [FILES.get(part.codec)]:
            raise UnreadableContent(
                f"{self._of or 'The content'} holds no table and no array but what the codec {part.codec!r} writes. Only these "
                "can be read in batches: load it whole, or name the field that is one."
            )
        return part

    def _copied(self, part: Content, field: str) -> Path:
        if self._folder is None:
            self._folder = Path(mkdtemp())
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        (file,) = part.files
        path = self._folder / f"{field}.{file.path}"
        if not path.exists():
            unverified = path.with_suffix(".part")
            self._blobs.copy(file, unverified, self._of)
            unverified.rename(path)
        return path


def write(blobs: Blobs, frames: Iterable[pd.DataFrame]) -> Content:
    """See ``Store.put_batches``."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / table.FILE
        table.write_batches(frames, path)
        return Content(TableCodec.name, {}, (blobs.write(table.FILE, path),))
