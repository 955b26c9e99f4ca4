"""A version as code passes it on: exactly known, and not loaded before somebody asks for the value."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ml_assets.store.keys import VersionKey
from ml_assets.store.manifest import Manifest

if TYPE_CHECKING:
    from ml_assets.store.batches import Opened
    from ml_assets.store.store import Store


class Handle:
    """An exact version, not loaded yet.

    Attributes:
        key: which version.
        name: what the code that reads it calls it.
    """

    def __init__(
        self, store: Store, key: VersionKey, name: str = "", *, digest: str = "", manifest: Manifest | None = None
    ) -> None:
        self._store, self.key, self.name, self._digest, self._manifest = store, key, name, digest, manifest

    @cached_property
    def manifest(self) -> Manifest:
        """Where it came from: inputs, params, metrics, checks."""
        return self._manifest or self._store.manifest(self.key)

    @property
    def digest(self) -> str:
        """The digest of its content: equal for equal values."""
        return self._digest or self.manifest.content.digest

    def load(self, *, columns: Sequence[str] | None = None, rows: range | None = None) -> Any:
        """The value, or some columns and rows of it; every byte that is read is verified. See ``Store.get``."""
        return self._store.get(self.manifest.content, of=str(self.key), columns=columns, rows=rows)

    def field(self, name: str, *, columns: Sequence[str] | None = None, rows: range | None = None) -> Any:
        """A part of the value, where that is a mapping or a dataclass; the others are not read.

        Raises:
            MissingBlob, CorruptBlob: if it is gone or changed.
        """
        return self._store.field(self.manifest.content, name, of=str(self.key), columns=columns, rows=rows)

    def opened(self) -> Opened:
        """The value to be read some rows at a time; see ``Store.opened``."""
        return self._store.opened(self.manifest.content, of=str(self.key))

    def inputs(self, name: str) -> tuple[Handle, ...]:
        """The exact versions that it was itself made from, under this input name.

        Following what is recorded, instead of taking the newest, keeps a split, its model and its evaluation together.
        """
        return tuple(
            Handle(self._store, read.key, name, digest=read.digest)
            for read in self.manifest.inputs
            if read.name == name
        )

    def input(self, name: str) -> Handle:
        """The one version that it was made from under this input name."""
        (handle,) = self.inputs(name)
        return handle

    def __repr__(self) -> str:
        return f"Handle({self.key})"
