"""The landing folder: where files from outside arrive, before they are in any store. Plain names, plain Parquet.

Files here may be replaced by whoever lands them; so what was read is recorded with its digest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ml_assets.errors import InvalidKey, NotLanded, UnreadableFile
from ml_assets.store.backend import ObjectStoreBackend, open_backend
from ml_assets.store.canonical import digest
from ml_assets.store.codecs.codec import MALFORMED
from ml_assets.store.codecs.table import from_parquet, to_parquet
from ml_assets.store.manifest import LandedFile

if TYPE_CHECKING:
    import pandas as pd


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
    """What a problem's ``dataset`` function reads from (``problem.Source``). ``read`` lists what it did read."""

    folder: LandingFolder
    prefix: str
    read: list[LandedFile] = field(default_factory=list)

    def parquet(self, name: str) -> pd.DataFrame:
        """The Parquet file ``name`` below the prefix.

        Raises:
            NotLanded: if there is no such file.
            UnreadableFile: if it is not a whole Parquet file.
        """
        path = f"{self.prefix}/{name}" if self.prefix else name
        data = self.folder.read(path)
        try:
            frame = from_parquet(data)
        except MALFORMED as error:
            raise UnreadableFile(
                f"{self.folder.backend.url}/{path} ({len(data)} bytes) is not a whole Parquet file: {error}. "
                "It was cut short or is in another format. Land it again."
            ) from error
        self.read.append(LandedFile(path, digest(data), len(data)))
        return frame


def open_landing(url: str) -> LandingFolder:
    """The landing folder at a local path or an URL as for ``open_store``. Nothing is contacted yet."""
    return LandingFolder(open_backend(url))


def _safe(name: str) -> str:
    """``name``, if it stays inside the landing folder; empty stands for the folder itself."""
    parts = name.split("/") if name else []
    if any(part in ("", ".", "..") for part in parts) or "\\" in name or "\0" in name:
        raise InvalidKey(f"{name!r} is no path inside the landing folder. Write it like flights/2013-06.parquet.")
    return name
