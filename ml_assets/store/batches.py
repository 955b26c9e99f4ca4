"""Values some rows at a time: what is too large for memory goes through a temporary file instead.

    read    blob ──pieces──▶ file, digest verified ──rows──▶ DataFrame, DataFrame, …
    part    blob ──pieces that are asked for, each verified──▶ file with holes ──▶ DataFrame
    write   DataFrame, DataFrame, … ──row groups──▶ file, digest ──parts──▶ blob

No row is handed out before every byte was verified, and nothing is stored before every row was written.
"""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING, Any

from ml_assets.errors import UnreadableContent, UsageError
from ml_assets.store import codecs
from ml_assets.store.blobs import Blobs
from ml_assets.store.codecs import array, table, table_part, table_pieces
from ml_assets.store.codecs.array import ArrayCodec
from ml_assets.store.codecs.record import RecordCodec
from ml_assets.store.codecs.table import TableCodec
from ml_assets.store.content import Content, File
from ml_assets.store.pieces import LIST, Sparse, from_json

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
        self._sparse: dict[str, Sparse] = {}

    def batches(self, field: str = "", rows: int = BATCH_ROWS, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """See ``Store.batches``."""
        part = self._part(field)
        path = self._at_hand(part, field, columns)
        with codecs.explained(part.codec):
            if part.codec == ArrayCodec.name:
                yield from array.read_batches(path, rows)
            else:
                yield from table.read_batches(path, rows, columns)

    def part(self, field: str = "", columns: Sequence[str] | None = None, rows: range | None = None) -> pd.DataFrame:
        """Some columns and rows of a table: ``frame[columns].iloc[rows.start : rows.stop]``, without all of its bytes.

        Raises:
            UsageError: if ``rows`` does not count up from 0 or more, one by one.
            UnreadableContent: if the content is no table, or has no such column.
        """
        if rows is not None and (rows.step != 1 or rows.start < 0):
            raise UsageError(f"rows={rows} are no rows that follow each other. Count from 0: rows=range(0, 1000).")
        part = self._part(field, (TableCodec.name,))
        known = [*map(str, self.types(field))] if columns else []
        unknown = [name for name in columns or () if name not in known]
        if unknown:
            raise UnreadableContent(
                f"{self._of or 'The table'} has no column {unknown[0]!r}. It has {', '.join(known)}. "
                "Ask for some of these."
            )
        path = self._at_hand(part, field, columns, rows)
        with codecs.explained(part.codec):
            return table_part.read(path, columns, rows)

    def types(self, field: str = "") -> pd.DataFrame:
        """The columns and dtypes of a table, as a frame without rows."""
        return self._without_rows(field)[0]

    def count(self, field: str = "") -> int:
        """How many rows a table has."""
        return self._without_rows(field)[1]

    def _without_rows(self, field: str) -> tuple[pd.DataFrame, int]:
        if field not in self._known:
            part = self._part(field)
            path = self._at_hand(part, field, ())
            with codecs.explained(part.codec):
                self._known[field] = table.without_rows(path)
        return self._known[field]

    def _part(self, field: str, readable: Container[str] = FILES) -> Content:
        part = RecordCodec.field(self._content, field) if field else self._content
        if part.codec not in readable or FILES[part.codec] not in [file.path for file in part.files]:
            nothing = "no table and no array" if ArrayCodec.name in readable else "no table"
            raise UnreadableContent(
                f"{self._of or 'The content'} holds {nothing} but what the codec {part.codec!r} writes. Only these can be "
                "read in part: load it whole, or name the field that is one."
            )
        return part

    def _at_hand(self, part: Content, field: str, columns: Sequence[str] | None, rows: range | None = None) -> Path:
        """A file that holds at least these columns and rows, verified."""
        files = {file.path: file for file in part.files}
        file, listed = files[FILES[part.codec]], files.get(LIST)
        whole = self._path(field, file.path)
        is_all = columns is None and rows is None
        if is_all or listed is None or whole.exists() or self._blobs.has_copy(file):
            return self._copied(file, whole)
        sparse = self._sparse[field] = self._sparse.get(field) or self._begun(file, listed, self._path(field, "some"))
        with codecs.explained(part.codec):
            spans = table_pieces.spans(sparse.path, columns, rows)
        sparse.hold(spans)
        return sparse.path

    def _begun(self, file: File, listed: File, path: Path) -> Sparse:
        """A file with nothing but the end of a table, which says where the rest lies."""
        data = self._blobs.read(listed, self._of)
        with codecs.explained(TableCodec.name):
            pieces = from_json(data, file.size)
        sparse = Sparse(path, pieces, partial(self._blobs.part, file, of=self._of))
        sparse.hold([pieces[-1][:2]])
        return sparse

    def _copied(self, file: File, path: Path) -> Path:
        if not path.exists():
            unverified = path.with_suffix(".part")
            self._blobs.copy(file, unverified, self._of)
            unverified.rename(path)
        return path

    def _path(self, field: str, name: str) -> Path:
        if self._folder is None:
            self._folder = Path(mkdtemp())
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder / f"{field}.{name}"


def write(blobs: Blobs, frames: Iterable[pd.DataFrame]) -> Content:
    """See ``Store.put_batches``."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / table.FILE
        table.write_batches(frames, path)
        parts: dict[str, bytes | Path] = {table.FILE: path, **table_pieces.listed(path)}
        return Content(TableCodec.name, {}, tuple(blobs.write(*part) for part in parts.items()))
