"""Bring the index of a source up to date: list the keys, read those that are new, forget those that are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.errors import CorruptBlob, MissingBlob, UnknownVersion, UnreadableContent, UnsupportedType
from ml_assets.lineage.index.rows import Row, move_row, run_row, version_row
from ml_assets.lineage.index.segments import Segments
from ml_assets.lineage.index.tables import FORMAT, schema
from ml_assets.store import Store, digest, records

if TYPE_CHECKING:
    import pyarrow as pa

READERS = 16  # manifests that are read at the same time: on S3 each waits for its reply
AT_ONCE = 20_000  # manifests that are read before what was read is kept: whoever is interrupted goes on from there
MOST_FILES = 16  # more are replaced by one
MANY = 2_000  # so many new keys take seconds, and somebody waits

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Current:
    """The rows of a source as the store is now, and what of it could not be read."""

    rows: pa.Table
    warnings: tuple[str, ...] = ()


def current(store: Store, source: records.Root, cache: Path | None, tell: Tell) -> Current:
    """One row for each key that the store has; only keys that ``cache`` does not know are read.

    Args:
        cache: a folder for the indexes of all stores; None: read everything, keep nothing.
        tell: is told how far it is, where that takes long.
    """
    segments = Segments(_folder(store, source, cache), schema(source))
    known, files = segments.read()
    listed = records.recorded(store.backend, source)
    kept = _kept(known, listed)
    have = set(kept["key"].to_pylist())
    added = _Added(store, segments, tell)
    added.read([(key, stamp) for key, stamp in listed.items() if key not in have])
    rows = _joined([kept, *added.rows])
    if kept.num_rows < known.num_rows or len(files) + len(added.rows) > MOST_FILES:
        added.keep(partial(segments.replace, [*files, *added.files], rows))
    return Current(rows, tuple(dict.fromkeys(added.warnings)))


def _folder(store: Store, source: records.Root, cache: Path | None) -> Path | None:
    """A store in memory is another one in each process, whatever its address."""
    if cache is None or store.url.startswith("memory://"):
        return None
    written_by = digest(f"{FORMAT} {schema(source)}".encode())[:8]
    return cache / "sql" / digest(store.url.encode())[:16] / f"{source}-{written_by}"


def _kept(known: pa.Table, listed: Mapping[str, str]) -> pa.Table:
    """The known rows, each once, whose keys are still there with the same stamps."""
    import pyarrow as pa

    pairs = zip(known["key"].to_pylist(), known["stamp"].to_pylist(), strict=True)
    last = {key: at for at, (key, stamp) in enumerate(pairs) if listed.get(key) == stamp}
    return known if len(last) == known.num_rows else known.take(pa.array(sorted(last.values()), pa.int64()))


class _Added:
    """What is read and kept during one update; where the cache cannot be written, that is said once and no harm."""

    def __init__(self, store: Store, segments: Segments, tell: Tell) -> None:
        self._store, self._segments, self._tell = store, segments, tell
        self.rows: list[pa.Table] = []
        self.files: list[Path] = []
        self.warnings: list[str] = []

    def read(self, new: Sequence[tuple[str, str]]) -> None:
        """Read keys, ``AT_ONCE`` at a time."""
        for start in range(0, len(new), AT_ONCE):
            if len(new) >= MANY:
                self._tell(f"reading what is new in the store: {start:,} of {len(new):,}")
            rows = self._read(new[start : start + AT_ONCE])
            self.rows.append(rows)
            self.keep(partial(self._add, rows))

    def _add(self, rows: pa.Table) -> None:
        path = self._segments.add(rows)
        self.files += [path] if path else []

    def keep(self, write: Callable[[], object]) -> None:
        """Write to the cache if that is possible."""
        try:
            write()
        except OSError as error:
            self.warnings.append(
                f"the index in {self._segments.folder} cannot be written ({error.strerror}); the answer is right, but the "
                "next query reads everything again. Make room or set another cache folder."
            )

    def _read(self, keys: Iterable[tuple[str, str]]) -> pa.Table:
        with ThreadPoolExecutor(READERS) as pool:
            found = list(pool.map(partial(_row, self._store), keys))
        self.warnings += [each for each in found if isinstance(each, str)]
        return _columns([each for each in found if isinstance(each, dict)], self._segments.schema)


def _row(store: Store, at: tuple[str, str]) -> Row | str | None:
    """What is recorded at a key; None if it was deleted meanwhile; a sentence if it cannot be read."""
    key, stamp = at
    try:
        row = _version(store, key) if key.startswith("versions/") else _entry(store, key)
    except (UnknownVersion, MissingBlob):
        return None
    except (CorruptBlob, UnreadableContent, UnsupportedType) as error:
        return f"{key} is left out, {type(error).__name__}: {error}"
    if row is None:
        return f"{key} is left out: no store writes such a key. Delete {store.url}/{key} if nobody needs it."
    return {"key": key, "stamp": stamp, **row}


def _version(store: Store, key: str) -> Row | None:
    version = records.version_at(key)
    return None if version is None else version_row(version, store.manifest(version))


def _entry(store: Store, key: str) -> Row | None:
    place = records.place_of(key)
    if place is None:
        return None
    row = move_row if key.startswith("refs/") else run_row
    return row(place, records.entry_at(store.backend, place))


def _columns(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    return pa.table({name: [row[name] for row in rows] for name in schema.names}, schema=schema)


def _joined(parts: Sequence[pa.Table]) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables(parts)
