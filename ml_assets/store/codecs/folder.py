"""A folder (``pathlib.Path``) -> one part per file. It comes back as ``Folder``, which reads files when asked for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs.codec import Encoded, Parts
from ml_assets.store.together import side_by_side


@dataclass(frozen=True)
class Folder:
    """A stored folder. Nothing is fetched before it is read, and every byte is verified when it is."""

    parts: Parts

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Folder:
        """One of files in memory, by path.

        Raises:
            ValueError: if a path leads out of the folder.
        """
        _refuse_what_leads_out(files)
        return cls(Parts.of(files))

    @property
    def names(self) -> list[str]:
        """The files, as paths with ``/`` relative to the folder, sorted."""
        return sorted(self.parts.files)

    def read(self, name: str) -> bytes:
        """The bytes of one file.

        Raises:
            FileNotFoundError: if the folder has no such file.
        """
        if name not in self.parts.files:
            raise FileNotFoundError(f"The stored folder has no file {name!r}. It has: {', '.join(self.names)}.")
        return self.parts[name]

    def copy_to(self, target: Path) -> None:
        """Write all files below ``target``. A file that exists already is never replaced: FileExistsError."""
        side_by_side(lambda name: self._copy(name, target / name), self.names)

    def _copy(self, name: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(self.read(name))


class FolderCodec:
    """Files: those of the folder, under their own paths. Permissions, times and empty folders are not kept."""

    name = "folder"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if isinstance(value, Folder):
            return Encoded(self.name, {}, {name: value.read(name) for name in value.names})
        if not isinstance(value, Path):
            return None
        if not value.is_dir():
            raise UnsupportedType(f"{value} is not a folder. Return the path of a folder, or the value itself.")
        return Encoded(self.name, {}, _files(value))

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        _refuse_what_leads_out(parts.files)
        return Folder(parts)


def _files(root: Path) -> dict[str, bytes | Path]:
    files: dict[str, bytes | Path] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()) or not is_inside(name):
            raise UnsupportedType(f"{path} is a link, a device or oddly named. A stored folder holds plain files only.")
        if path.is_file():
            files[name] = path
    return files


def _refuse_what_leads_out(names: Iterable[str]) -> None:
    for name in names:
        if not is_inside(name):
            raise ValueError(f"the file name {name!r} leads out of the folder")


def is_inside(name: str) -> bool:
    """Whether ``name`` stays below whatever folder it is written to, on any system."""
    parts = name.split("/")
    return all(part not in ("", ".", "..") for part in parts) and not any(char in name for char in "\\:\0")
