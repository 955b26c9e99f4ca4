"""Where the index of one source lies: Parquet files named by the digest of their bytes, which nobody ever changes.

    <folder>/<digest>.parquet    some rows; all files together are what is known
    <folder>/….part              being written; gets its name once it is complete

Every update adds a file, and now and then the files are replaced by one. There are no locks: whoever finds a row twice, or a
file gone that was there a moment ago, is none the worse for it. A file whose bytes do not fit its name counts as absent.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.store import digest

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIX = ".parquet"
LOOKS = 5  # how often files are listed again because others replaced them meanwhile


@dataclass(frozen=True)
class Segments:
    """The files in one folder, which need not exist. Without a folder nothing is kept."""

    folder: Path | None
    schema: pa.Schema

    def read(self) -> tuple[pa.Table, list[Path]]:
        """All rows, some perhaps more than once, and the files that they lie in; what is damaged is deleted."""
        for _ in range(LOOKS):
            paths = self._paths()
            found = {path: self._rows(path) for path in paths}
            if all(path.exists() for path in paths):
                break
        whole = {path: rows for path, rows in found.items() if rows is not None}
        return _together(self.schema, whole.values()), list(whole)

    def add(self, rows: pa.Table) -> Path | None:
        """Keep rows in a file of their own; None where nothing is kept.

        Raises:
            OSError: if it cannot be written.
        """
        if self.folder is None or not rows.num_rows:
            return None
        data = _to_bytes(rows)
        path = self.folder / f"{digest(data)}{SUFFIX}"
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
            unfinished = Path(file.name)
        try:
            unfinished.write_bytes(data)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        return path

    def replace(self, old: Iterable[Path], rows: pa.Table) -> None:
        """Keep ``rows`` instead of what lies in ``old``.

        Raises:
            OSError: if it cannot be written.
        """
        path = self.add(rows)
        for replaced in set(old) - {path}:
            replaced.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        try:
            return sorted(self.folder.glob(f"*{SUFFIX}")) if self.folder else []
        except OSError:
            return []

    def _rows(self, path: Path) -> pa.Table | None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            data = path.read_bytes()
            if digest(data) == path.name.removesuffix(SUFFIX):
                rows = pq.read_table(pa.BufferReader(data))
                if rows.schema.equals(self.schema):
                    return rows
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException):
            pass  # as damaged as one that reads back as something else
        with suppress(OSError):
            path.unlink()
        return None


def _together(schema: pa.Schema, parts: Iterable[pa.Table]) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables([schema.empty_table(), *parts])


def _to_bytes(rows: pa.Table) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(rows.sort_by("key"), sink, compression="zstd")
    data: bytes = sink.getvalue().to_pybytes()
    return data
