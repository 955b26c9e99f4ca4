"""Files of a version's content: to download, to look at, and the first rows of tables. Nothing else is ever read.

A path in an address is never used as a path: it must be, letter for letter, one that the manifest names.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from ml_assets.errors import StoreError, UnknownVersion, UnreadableContent
from ml_assets.figures import Sheet, draw
from ml_assets.lineage.judged import EVALUATION, newest_report, noun_of
from ml_assets.store import Content, File, Manifest, Store, VersionKey

ROWS = 20
FIGURE = "figure"  # the field of a report or a study that is drawn
MOST_LOOKED_INTO = 20  # files: each is read whole for every look
LARGEST_LOOKED_INTO = 64 * 2**20  # bytes: a table is read whole, to verify it
LARGEST_TEXT = 20_000  # bytes of JSON shown on the page
LONGEST_CELL = 200
PNG = b"\x89PNG\r\n\x1a\n"
MEDIA_TYPES = {".json": "application/json", ".parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True)
class Look:
    """What a file holds: some rows, a text, or why neither is shown."""

    path: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    total: int = 0
    text: str = ""
    trouble: str = ""


def file_named(manifest: Manifest, path: str) -> File:
    """The file with this path.

    Raises:
        UnknownVersion: if the manifest names none.
    """
    for file in manifest.content.files:
        if file.path == path:
            return file
    known = ", ".join(file.path for file in manifest.content.files[:20])
    raise UnknownVersion(f"{manifest.asset} has no file {path!r} in this version. Its files: {known or 'none'}.")


def file_response(store: Store, key: VersionKey, path: str) -> Response:
    """The bytes of a file, verified. Only a real PNG is shown by the browser; everything else is saved."""
    data = store.read(file_named(store.manifest(key), path), of=str(key))
    suffix = PurePosixPath(path).suffix
    is_picture = suffix == ".png" and data.startswith(PNG)
    name = "-".join([*key.asset.split("/"), *filter(None, [key.partition]), key.short, PurePosixPath(path).name])
    headers = {
        "Content-Disposition": f"{'inline' if is_picture else 'attachment'}; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "private, max-age=31536000, immutable",  # the address holds the digest
    }
    media_type = "image/png" if is_picture else MEDIA_TYPES.get(suffix, "application/octet-stream")
    return Response(data, media_type=media_type, headers=headers)


def figure_response(store: Store, key: VersionKey) -> Response:
    """The figure of a version, drawn.

    Raises:
        UnknownVersion: if it has none.
    """
    content = store.manifest(key).content
    if not _has_sheet(content):
        raise UnknownVersion(f"{key} has no figure. The page of the version shows what it has.")
    try:
        drawn = draw(Sheet.from_json(store.field(content, FIGURE, of=str(key))))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise UnreadableContent(f"The figure of {key} is none that these pages can draw: {error!r}") from error
    headers = {"Cache-Control": "private, max-age=3600"}  # how it is drawn may change with the software
    return Response(drawn, media_type="image/svg+xml", headers=headers)


def drawn_from(store: Store, key: VersionKey) -> VersionKey | None:
    """The version that holds the numbers of a version's figure: its own, or those of the report that explains an evaluation."""
    if _has_sheet(store.manifest(key).content):
        return key
    report = newest_report(store, key) if noun_of(key) == EVALUATION else None
    return report if report and _has_sheet(store.manifest(report).content) else None


def _has_sheet(content: Content) -> bool:
    return bool(content.meta.get("fields", {}).get(FIGURE, {}).get("codec") == "json")


def pictures(manifest: Manifest) -> list[File]:
    """The files that are pictures, by their names."""
    return [file for file in manifest.content.files if file.path.endswith(".png")]


def looks(store: Store, key: VersionKey) -> list[Look]:
    """What can be shown of the tables and small JSON files of a version, of the first ones of many."""
    files = [file for file in store.manifest(key).content.files if not file.path.startswith(f"{FIGURE}/")]
    shown = [f for f in files if f.path.endswith(".parquet") or (f.path.endswith(".json") and f.size <= LARGEST_TEXT)]
    return [_look(store, key, file) for file in shown[:MOST_LOOKED_INTO]]


def _look(store: Store, key: VersionKey, file: File) -> Look:
    if file.size > LARGEST_LOOKED_INTO:
        return Look(file.path, trouble="The table is too large to look into here. Download it.")
    try:
        data = store.read(file, of=str(key))
    except StoreError as error:  # the rest of the version can still be shown
        return Look(file.path, trouble=f"{type(error).__name__}: {error}")
    return _table(file.path, data) if file.path.endswith(".parquet") else Look(file.path, text=_text(data))


def _table(path: str, data: bytes) -> Look:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(pa.BufferReader(data))
        columns = [column.to_pylist() for batch in itertools.islice(table.iter_batches(ROWS), 1) for column in batch]
    except (pa.ArrowException, OSError, ValueError, ArithmeticError) as error:
        return Look(path, trouble=f"This is no Parquet table, or one with values that cannot be shown: {error}")
    rows = [[_cell(value) for value in row] for row in zip(*columns, strict=True)]
    return Look(path, columns=table.schema_arrow.names, rows=rows, total=table.metadata.num_rows)


def _cell(value: Any) -> str:
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


def _text(data: bytes) -> str:
    import json

    try:
        return json.dumps(json.loads(data), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return data.decode(errors="replace")
