"""What a codec is: it turns values of some types into named parts (bytes) and back, deterministically and without pickle.

To add one: a class with these three members in a file of this folder, and a line in ``CODECS`` of ``__init__.py``; or in a
package of your own, by an entry point, see docs/CODECS.md. ``ml_assets.testing`` has the test that each must pass.
Equal values must give equal parts; decoding gets bytes whose digests are verified, from a source that is not trusted.
"""

from __future__ import annotations

import struct
import sys
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ml_assets.store.canonical import Json, digest
from ml_assets.store.content import File

# What libraries raise when they are given bytes in another format than they expect.
MALFORMED = (
    ArithmeticError, AttributeError, EOFError, ImportError, LookupError, MemoryError, OSError, RecursionError, TypeError,
    ValueError, struct.error, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class Encoded:
    """A value as a codec wrote it: what to remember, and its parts by path (bytes, or a local file to read them from)."""

    codec: str
    meta: Mapping[str, Json]
    parts: Mapping[str, bytes | Path]


@dataclass(frozen=True)
class Parts:
    """The stored parts of a value. Each is fetched when asked for, and verified before anybody sees it."""

    files: Mapping[str, File]
    fetch: Callable[[File], bytes]

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Parts:
        """Parts that are in memory already, by path."""
        known = {path: File(path, digest(data), len(data)) for path, data in files.items()}
        return cls(known, lambda file: files[file.path])

    def __getitem__(self, path: str) -> bytes:
        return self.fetch(self.files[path])

    def below(self, name: str) -> Parts:
        """The parts whose path begins with ``name/``, by the rest of their path."""
        prefix = f"{name}/"
        inside = {path.removeprefix(prefix): file for path, file in self.files.items() if path.startswith(prefix)}
        return Parts(inside, self.fetch)


class Codec(Protocol):
    """Values of some types to parts and back."""

    name: str

    def encode(self, value: Any) -> Encoded | None:
        """The parts of ``value``; None if it is not of this codec's types.

        Raises:
            UnsupportedType: if it is, but would not come back as it was.
        """
        ...

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """The value. May raise anything in ``MALFORMED`` for parts that it did not write."""
        ...


def is_instance(value: object, module: str, name: str) -> bool:
    """``isinstance`` without importing: where the module was never imported, no value can be of its types."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(value, getattr(loaded, name))
