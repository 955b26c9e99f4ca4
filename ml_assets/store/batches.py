"""Tables some rows at a time: what is too large for memory goes through a temporary file instead.

    read    blob ──pieces──▶ file, digest verified ──rows──▶ DataFrame, DataFrame, …
    write   DataFrame, DataFrame, … ──row groups──▶ file, digest ──parts──▶ blob

No row is handed out before every byte was verified, and nothing is stored before every row was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ml_assets.errors import UnreadableContent
from ml_assets.store import codecs
from ml_assets.store.blobs import Blobs
from ml_assets.store.codecs import table
from ml_assets.store.codecs.record import RecordCodec
from ml_assets.store.content import Content

if TYPE_CHECKING:
    import pandas as pd


def read(blobs: Blobs, content: Content, field: str, rows: int, of: str) -> Iterator[pd.DataFrame]:
    """See ``Store.batches``."""
    part = RecordCodec.field(content, field) if field else content
    if part.codec != table.TableCodec.name or [file.path for file in part.files] != [table.FILE]:
        raise UnreadableContent(
            f"{of or 'The content'} holds no table but what the codec {part.codec!r} writes. Only tables can be read in "
            "batches: load it whole, or name the field that is one."
        )
    with TemporaryDirectory() as folder:
        path = Path(folder) / table.FILE
        blobs.copy(part.files[0], path, of)
        with codecs.explained(part.codec):
            yield from table.read_batches(path, rows)


def write(blobs: Blobs, frames: Iterable[pd.DataFrame]) -> Content:
    """See ``Store.put_batches``."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / table.FILE
        table.write_batches(frames, path)
        return Content(table.TableCodec.name, {}, (blobs.write_file(table.FILE, path),))
