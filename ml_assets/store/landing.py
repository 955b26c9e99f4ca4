"""The landing folder: where files from outside arrive, before they are in any store. Plain names, plain Parquet.

Files here may be replaced by whoever lands them; so what was read is recorded with its digest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ml_assets.errors import InvalidKey, NotLanded, UnreadableFile, UnsupportedType
from ml_assets.store.canonical import digest
from ml_assets.store.codecs.codec import MALFORMED
from ml_assets.store import landed_table
from ml_assets.store.codecs.table import to_parquet
from ml_assets.store.computations import Trace
from ml_assets.store.listing import LAST, Entry
from ml_assets.store.manifest import LandedFile
from ml_assets.store.object_store import ObjectStoreBackend, open_backend

if TYPE_CHECKING:
    import pandas as pd

MOST_VALUES_PER_BYTE = 100  # real tables have about one; a file of one value repeated for ever takes next to nothing
SWELLING_FROM_VALUES = 20_000_000  # what fits into memory anyway (some 160 MB) may be as repetitive as it likes
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\\]")


@dataclass(frozen=True)
class LandingFolder:
    """A landing folder. Names are paths with ``/`` relative to it, such as ``flights/2013-06.parquet``."""

    backend: ObjectStoreBackend

    def source(self, prefix: str) -> LandedSource:
        """The files below ``prefix``, as a problem's ``dataset`` function sees them."""
        return LandedSource(self, _safe(prefix))

    def write(self, name: str, frame: pd.DataFrame) -> tuple[LandedFile, bool]:
        """Land a frame, replacing what has this name: readers see the old file or the new one.

        Returns:
            The file, and whether these very bytes were there already (then nothing is written).
        """
        data = to_parquet(frame)
        was_there = self.backend.get(_safe(name)) == data
        if not was_there:
            self.backend.replace(name, data)
        return LandedFile(name, digest(data), len(data)), was_there

    def list(self, prefix: str = "") -> list[str]:
        """The names of all files below ``prefix``, sorted."""
        return self.backend.list(_safe(prefix))

    def stamps(self, prefix: str = "") -> dict[str, str]:
        """The same names, each with a stamp that changes when the file does; costs one listing, reads no file."""
        return dict(sorted(self.backend.stamps(_safe(prefix)).items()))

    def entries(self, prefix: str = "", after: str = "", until: str = LAST) -> dict[str, Entry]:
        """Files below ``prefix`` whose names sort after ``after`` and not after ``until``, in no order; reads no file.

        On an object store this costs what is found; a local folder's names are all read, and of those found the status.
        """
        return self.backend.entries(_safe(prefix), after, until)

    def entry(self, name: str) -> Entry | None:
        """One of them; None if nothing has landed under this name."""
        return self.backend.entry(_safe(name))

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            NotLanded: if there is none.
        """
        data = self.backend.get(_safe(name))
        if data is None:
            raise NotLanded(
                f"{self.backend.url}/{name} has not landed, so nothing can be made from it. "
                "Put the file there; of a shipped problem, ml-assets land PROBLEM --partition P does it."
            )
        return data


@dataclass
class LandedSource:
    """What a problem's ``dataset`` function reads from (``problem.Source``).

    Attributes:
        read: what it did read.
        traces: of every file that it asked for, also in vain, by name.
    """

    folder: LandingFolder
    prefix: str
    read: list[LandedFile] = field(default_factory=list)
    traces: dict[str, Trace] = field(default_factory=dict)

    def parquet(self, name: str) -> pd.DataFrame:
        """The Parquet file ``name`` below the prefix.

        Raises:
            NotLanded: if there is no such file.
            UnreadableFile: if it is not a whole Parquet file.
        """
        path = f"{self.prefix}/{name}" if self.prefix else name
        data = self._bytes(path)
        try:
            _refuse_what_cannot_be(data)
            frame = landed_table.read([data])
        except UnsupportedType as error:
            raise UnreadableFile(f"{self.folder.backend.url}/{path}: {error} Then land it again.") from error
        except MALFORMED as error:
            raise UnreadableFile(
                f"{self.folder.backend.url}/{path} ({len(data)} bytes) is not a whole Parquet file: {str(error).rstrip('.')}. "
                "It was cut short or is in another format. Land it again."
            ) from error
        self.read.append(LandedFile(path, str(self.traces[path].digest), len(data)))
        return frame

    def _bytes(self, path: str) -> bytes:
        self.traces[path] = Trace(None)
        before = self.folder.entry(path)
        data = self.folder.read(path)
        after = self.folder.entry(path)
        stamp = after.stamp if before and after and before.stamp == after.stamp else ""
        self.traces[path] = Trace(digest(data), stamp)
        return data


def open_landing(url: str) -> LandingFolder:
    """The landing folder at a local path or an URL as for ``open_store``. Nothing is contacted yet."""
    return LandingFolder(open_backend(url))


def _refuse_what_cannot_be(data: bytes) -> None:
    """ValueError for a file that has two columns of one name, or is small and would fill the memory when it is read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about = pq.read_metadata(pa.BufferReader(data))
        names = about.schema.to_arrow_schema().names
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"it has several columns that are called {', '.join(map(repr, twice))}")
    values = about.num_rows * about.num_columns
    if values > max(SWELLING_FROM_VALUES, MOST_VALUES_PER_BYTE * len(data)):
        raise ValueError(
            f"it says that it holds {about.num_rows:,} rows of {about.num_columns} columns, which cannot be"
        )


def _safe(name: str) -> str:
    """``name``, if it stays inside the landing folder; empty stands for the folder itself."""
    parts = name.split("/") if name else []
    if any(part in ("", ".", "..") for part in parts) or _UNWRITABLE.search(name):
        raise InvalidKey(f"{name!r} is no path inside the landing folder. Write it like flights/2013-06.parquet.")
    return name
