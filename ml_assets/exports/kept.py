"""Files of a stored value in a plain folder, and the value that is read back from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_assets.errors import CorruptBlob
from ml_assets.store import Encoded, File, Parts, decode, digest


def write(encoded: Encoded, folder: Path) -> dict[str, Any]:
    """Write each file under its own path; what it takes to read them back, as plain JSON."""
    files = []
    for path, part in encoded.parts.items():
        data = part if isinstance(part, bytes) else part.read_bytes()
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        files.append({"path": path, "digest": digest(data), "size": len(data)})
    return {"codec": encoded.codec, "meta": dict(encoded.meta), "files": files}


def read(listed: Mapping[str, Any], folder: Path) -> Any:
    """The value that ``write`` was given.

    Raises:
        CorruptBlob: if a file is not what was written.
    """

    def fetch(file: File) -> bytes:
        data = (folder / file.path).read_bytes()
        if digest(data) != file.digest:
            raise CorruptBlob(f"{folder / file.path} was changed after it was exported. Export the model again.")
        return data

    files = {one["path"]: File(**one) for one in listed["files"]}
    return decode(listed["codec"], listed["meta"], Parts(files, fetch))
