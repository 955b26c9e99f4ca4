"""The landing folder: where files from outside arrive, before they are in any store. Plain names, plain Parquet.

Files here may be replaced by whoever lands them; so what was read is recorded with its digest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any

from ml_assets.errors import InvalidKey, NotLanded, UnreadableFile, UnsupportedType, UsageError
from ml_assets.store.backends.backend import Place
from ml_assets.store.backends.listing import LAST, Entry
from ml_assets.store.backends.local import SCRATCH, LocalBackend
from ml_assets.store.backends.object_store import open_backend
from ml_assets.store.backends.patience import Patience
from ml_assets.store.canonical import canonical, digest
from ml_assets.store.codecs.codec import MALFORMED
from ml_assets.store.codecs.table import to_parquet
from ml_assets.store.computations import Trace
from ml_assets.store.glance import Glance
from ml_assets.store.landing import landed_table, landed_text
from ml_assets.store.manifest import LandedFile

if TYPE_CHECKING:
    import pandas as pd

MOST_VALUES_PER_BYTE = 100  # real tables have about one; a file of one value repeated for ever takes next to nothing
SWELLING_FROM_VALUES = 20_000_000  # what fits into memory anyway (some 160 MB) may be as repetitive as it likes
TEXT = "is not read as it should be: {}. Nothing was made of it: say how it is to be read, or mend it"
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\\]")


@dataclass(frozen=True)
class LandingFolder:
    """A landing folder. Names are paths with ``/`` relative to it, such as ``flights/2013-06.parquet``."""

    backend: Place

    def within(self, seconds: float) -> LandingFolder:
        """The same folder for somebody who cannot wait long for a server that does not answer."""
        return LandingFolder(self.backend.within(seconds))

    def at_a_glance(self, questions: int) -> LandingFolder:
        """The folder as it is now, for one answer that takes so many questions, about; see ``Store.at_a_glance``."""
        is_local = isinstance(self.backend, LocalBackend)
        return self if is_local else LandingFolder(Glance(self.backend, questions=questions))

    def source(self, prefix: str, types: Mapping[str, Any] | None = None) -> LandedSource:
        """The files below ``prefix``, as a problem's ``dataset`` function sees them.

        Args:
            types: column -> pandas type, of those that are declared; what a file of text does not say itself.
        """
        return LandedSource(self, _safe(prefix), types or {})

    def write(self, name: str, content: pd.DataFrame | bytes) -> tuple[LandedFile, bool]:
        """Land a frame, as Parquet, or the bytes of a file, replacing what has this name: readers see the old one or the new one.

        Returns:
            The file, and whether these very bytes were there already (then nothing is written).
        """
        data = content if isinstance(content, bytes) else to_parquet(content)
        was_there = self.backend.get(_safe(name)) == data
        if not was_there:
            self.backend.replace(name, data)
        return LandedFile(name, digest(data), len(data)), was_there

    def list(self, prefix: str = "") -> list[str]:
        """The names of all files below ``prefix``, sorted."""
        return self.backend.list(_safe(prefix))

    def stamps(self, prefix: str = "") -> dict[str, str]:
        """The same names, each with a stamp that changes when the file does; costs one listing, reads no file."""
        return {name: entry.stamp for name, entry in sorted(self.backend.entries(_safe(prefix)).items())}

    def entries(self, prefix: str = "", after: str = "", until: str = LAST) -> dict[str, Entry]:
        """Files below ``prefix`` whose names sort after ``after`` and not after ``until``, in no order; reads no file.

        On an object store this costs what is found; a local folder's names are all read, and of those found the status.
        """
        return self.backend.entries(_safe(prefix), after, until)

    def entry(self, name: str) -> Entry | None:
        """One of them, or part files that are read as one, see ``parts``; None if nothing has landed under this name."""
        single = None if is_glob(name) else self.backend.entry(_safe(name))
        return single or parts_entry(self.backend.entries(_safe(above_parts(name)), "", LAST), name)

    def parts(self, name: str) -> Sequence[str]:
        """The part files of a folder, or those of a name with ``*``, in the order of their names; none if there are none."""
        return parts_in(self.list(above_parts(name)), name)

    def digest(self, name: str) -> str:
        """The digest of a file's bytes; of a folder of part files that of their names and digests.

        Raises:
            NotLanded: if there is none.
        """
        parts = [] if not is_glob(name) and self.backend.entry(_safe(name)) else self.parts(name)
        return _digest_of_parts({part: self.read(part) for part in parts}) if parts else digest(self.read(name))

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
        types: the declared types of columns, for files that have none.
        read: what it did read.
        traces: of every file that it asked for, also in vain, by name.
    """

    folder: LandingFolder
    prefix: str
    types: Mapping[str, Any] = field(default_factory=dict)
    read: list[LandedFile] = field(default_factory=list)
    traces: dict[str, Trace] = field(default_factory=dict)

    def parquet(self, name: str) -> pd.DataFrame:
        """The Parquet file ``name`` below the prefix, or the folder of that name with its part files as one table.

        Raises:
            NotLanded: if there is no such file.
            UnreadableFile: if it is not a whole Parquet file, or has a value that no pandas type holds.
        """

        def decoded(parts: list[bytes]) -> pd.DataFrame:
            for one in parts:
                _refuse_what_cannot_be(one)
            return landed_table.read(parts)

        return self._read(name, decoded, "is not a whole Parquet file: {}. It was cut short or is in another format")

    def arrow(self, name: str) -> pd.DataFrame:
        """The Arrow file ``name``, or the folder of that name, see ``problem.Source``.

        Raises:
            NotLanded: if there is no such file.
            UnreadableFile: if it is not a whole Arrow file, or has a value that no pandas type holds.
        """
        return self._read(
            name, landed_table.read_arrow, "is not a whole Arrow file: {}. It was cut short or is another format"
        )

    def csv(self, name: str, *, separator: str = ",", decimal: str = ".", encoding: str = "utf-8") -> pd.DataFrame:
        """The file of separated values ``name`` below the prefix, or the folder of that name, see ``problem.Source``.

        Raises:
            NotLanded: if there is no such file.
            UnreadableFile: if it is of another form, or a value is not of the type that is declared of its column.
        """
        one = partial(landed_text.read, types=self.types, separator=separator, decimal=decimal, encoding=encoding)
        return self._read(name, partial(landed_text.together, read=one), TEXT)

    def jsonl(self, name: str) -> pd.DataFrame:
        """The file of JSON objects ``name`` below the prefix, or the folder of that name, see ``problem.Source``.

        Raises:
            NotLanded: if there is no such file.
            UnreadableFile: if a line is no object, or a value is not of the type that is declared of its key.
        """
        one = partial(landed_text.read_objects, types=self.types)
        return self._read(name, partial(landed_text.together, read=one), TEXT)

    def images(self, name: str) -> pd.DataFrame:
        """The files of a folder, or of a name with ``*``, as they are: see ``problem.Source``.

        Raises:
            NotLanded: if there are none.
        """
        import pandas as pd

        path, below = self._path(name), len(self.prefix) + 1 if self.prefix else 0
        data = self._bytes(path)
        self._has_read(path, sum(map(len, data.values())))
        labels = [part.split("/")[-2] if "/" in part[below:] else "" for part in data]
        columns = {"file": [part[below:] for part in data], "label": labels}
        return pd.DataFrame(columns, dtype="str").assign(image=list(data.values()))

    def names(self, pattern: str) -> Sequence[str]:
        """The files below the prefix with this name or, where it has ``*``, whose names are of this form, sorted."""
        if not is_glob(pattern):
            return [pattern]
        below = len(self.prefix) + 1 if self.prefix else 0
        return [name[below:] for name in self.folder.parts(self._path(pattern))]

    def content(self, name: str) -> bytes:
        """The bytes of a file below the prefix, recorded as read.

        Raises:
            NotLanded: if there is no such file.
        """
        data = b"".join(self._bytes(self._path(name)).values())
        self._has_read(self._path(name), len(data))
        return data

    def _path(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    def _has_read(self, path: str, size: int) -> None:
        self.read.append(LandedFile(path, str(self.traces[path].digest), size))

    def _read(self, name: str, decode: Callable[[list[bytes]], pd.DataFrame], otherwise: str) -> pd.DataFrame:
        """A file, or its parts, decoded; what it is not, in the words of ``otherwise``, if it cannot be."""
        path = self._path(name)
        data = list(self._bytes(path).values())
        size, where = sum(map(len, data)), f"{self.folder.backend.url}/{path}"
        try:
            frame = decode([landed_text.decompressed(one, path) for one in data])
        except UnsupportedType as error:
            raise UnreadableFile(f"{where}: {error} Then land it again.") from error
        except MALFORMED as error:
            said = otherwise.format(str(error).rstrip("."))
            raise UnreadableFile(f"{where} ({size} bytes) {said}. Land it again.") from error
        self._has_read(path, size)
        return frame

    def _bytes(self, path: str) -> dict[str, bytes]:
        """Of the file, or of each part, by name."""
        self.traces[path] = Trace(None)
        file = None if is_glob(path) else self.folder.backend.entry(_safe(path))
        before = file or self.folder.entry(path)
        parts = [] if file else self.folder.parts(path)
        if before is None:
            _refuse_partitioned(self.folder.list(above_parts(path)), path)
        data = {part: self.folder.read(part) for part in parts or [path]}
        after = self.folder.entry(path)
        stamp = after.stamp if before and after and before.stamp == after.stamp else ""
        self.traces[path] = Trace(_digest_of_parts(data) if parts else digest(data[path]), stamp)
        return data


def open_landing(url: str, patience: Patience = Patience(), s3: Any = None) -> LandingFolder:  # noqa: B008  # frozen
    """The landing folder at a local path or an URL as for ``open_backend``. Nothing is contacted yet.

    Raises:
        UsageError: if it is called scratch: what landed is what all else is made again from.
    """
    if url.startswith(SCRATCH):
        raise UsageError(
            f"A landing folder cannot be {url}: a power cut may damage what is called scratch, and what landed can be made again "
            f"from nothing. Use {url.removeprefix(SCRATCH)}"
        )
    return LandingFolder(open_backend(url, patience, s3, follows_links=True))


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


# ---------------------------------------------------------------- part files: those of a folder, or of a name with *


def is_glob(name: str) -> bool:
    """Whether a name stands for every file whose name is of its form."""
    return "*" in name


def above_parts(name: str) -> str:
    """The folder in which part files are: the name itself, or what stands before the first part of it with ``*``."""
    return name.partition("*")[0].rpartition("/")[0] if is_glob(name) else name


def is_of_form(name: str, glob: str) -> bool:
    """Whether a name is of the form of one with ``*``, which stands for anything but a ``/``."""
    steps, forms = name.split("/"), glob.split("/")
    return len(steps) == len(forms) and all(map(fnmatchcase, steps, forms))


def parts_in(names: Iterable[str], whole: str) -> list[str]:
    """The part files of ``whole`` among the names below its folder.

    None while it is being written; of a folder also if it has folders of its own.
    """
    folder = above_parts(whole)
    visible = {name.removeprefix(f"{folder}/" if folder else ""): name for name in names}
    if any(short.startswith("_temporary/") for short in visible):
        return []
    parts = {short: name for short, name in visible.items() if not any(step[0] in "_." for step in short.split("/"))}
    if is_glob(whole):
        return sorted(name for name in parts.values() if is_of_form(name, whole))
    return [] if any("/" in short for short in parts) else sorted(parts.values())  # no _SUCCESS, no .part-0.parquet.crc


def _refuse_partitioned(names: Iterable[str], folder: str) -> None:
    nested = next((name for name in names if "=" in name.removeprefix(f"{folder}/").rpartition("/")[0]), None)
    if nested:
        raise UnreadableFile(
            f"{nested} lies in a folder of the folder {folder}, whose name holds a value that the file lacks. Such folders are "
            "not read as a table: write it without partitioning by a column, or let dataset() read each file by its name."
        )


def parts_entry(entries: Mapping[str, Entry], whole: str) -> Entry | None:
    """Part files as one file: its stamp changes when one of them does, or when there is another one; None if there are none."""
    parts = parts_in(entries, whole)
    if not parts:
        return None
    stamp = digest(canonical([[part, entries[part].stamp] for part in parts]))
    return Entry(stamp, max(entries[part].modified for part in parts))


def _digest_of_parts(data: Mapping[str, bytes]) -> str:
    return digest(canonical([[name, digest(part)] for name, part in sorted(data.items())]))


def _safe(name: str) -> str:
    """``name``, if it stays inside the landing folder; empty stands for the folder itself."""
    parts = name.split("/") if name else []
    if any(part in ("", ".", "..") for part in parts) or _UNWRITABLE.search(name):
        raise InvalidKey(f"{name!r} is no path inside the landing folder. Write it like flights/2013-06.parquet.")
    return name
