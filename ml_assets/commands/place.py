"""The folders of one run of a command: what it is given, what it leaves, and copies of the files that belong to it.

    inputs/train/features.csv      what it is given, a folder for each input
    inputs/config/parameters.json  its parameters by name
    outputs/                       what it leaves
    checkpoints/                   its state, kept while it runs and there again when it goes on
    work/                          where it runs, with its own files

All of it is gone when the run is over.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from ml_assets.errors import CommandFailed, UnsupportedType
from ml_assets.store import Folder, Form, from_form, to_form

if TYPE_CHECKING:
    import pandas as pd

EXECUTABLE, FOR_ANYBODY = 0o755, 0o777
LARGEST_OUTPUT_BYTES = 8 << 30


@dataclass(frozen=True)
class Place:
    """The folders, which are there."""

    root: Path

    @classmethod
    @contextmanager
    def opened(cls, shared: Path | None = None) -> Iterator[Place]:
        """Empty ones, for as long as the block.

        Args:
            shared: where they are to be, for a command in another container, which may have another user.
        """
        with tempfile.TemporaryDirectory(prefix="ml_assets_command_", dir=shared, ignore_cleanup_errors=True) as root:
            place = cls(Path(root))
            for folder in ("inputs", "outputs", "checkpoints", "work", "config"):
                (place.root / folder).mkdir()
            for one in (place.root, *place.root.iterdir()) if shared else ():
                one.chmod(FOR_ANYBODY)
            yield place

    @property
    def folders(self) -> dict[str, str]:
        """Those that a command line may name."""
        return {name: str(self.root / name) for name in ("inputs", "outputs", "checkpoints")}

    def put_own(self, files: Mapping[str, bytes]) -> None:
        """Put the files that belong to the command where it runs; each may be a program."""
        for name, data in files.items():
            _write(self.root / "work" / name, data).chmod(EXECUTABLE)

    def put_input(self, name: str, given: Any, form: Form) -> None:
        """Put an input: a table, several of them by name, a model that is a folder, or a folder that lies somewhere."""
        folder = self.root / "inputs" / name
        folder.mkdir(parents=True)
        if isinstance(given, Folder):
            given.copy_to(folder)
        elif isinstance(given, Path):
            Folder.of(files_in(given)).copy_to(folder)
        else:
            tables = given if isinstance(given, Mapping) else {name: given}
            for one, table in tables.items():
                _write(folder / f"{one}.{form}", to_form(table, form))

    def put_parameters(self, values: Mapping[str, Any]) -> None:
        """Put the parameters where programs find them that read no command line."""
        _write(self.root / "config" / "parameters.json", json.dumps(dict(values)).encode())

    def outputs(self) -> dict[str, bytes]:
        """What the command left, by path.

        Raises:
            CommandFailed: if that is nothing, or holds what is no plain file.
        """
        return files_in(self.root / "outputs")


def files_in(folder: Path) -> dict[str, bytes]:
    """The files of a folder by path, sorted.

    Raises:
        CommandFailed: if it holds a link or a device, or is too large.
    """
    found, size = dict[str, bytes](), 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()) or set(name) & set("\\:"):
            raise CommandFailed(f"{name} in its outputs is a link or a device, or oddly named. Leave plain files.")
        if path.is_file():
            size += path.stat().st_size
            if size > LARGEST_OUTPUT_BYTES:
                raise CommandFailed(f"Its outputs are larger than {LARGEST_OUTPUT_BYTES >> 30} GiB. Leave less.")
            found[name] = path.read_bytes()
    return found


def table_in(outputs: Mapping[str, bytes], name: str, types: Mapping[str, str]) -> pd.DataFrame:
    """The table of this name among what a command left.

    Raises:
        CommandFailed: if there is none, several, or one that cannot be read.
    """
    found = [form for form in get_args(Form) if f"{name}.{form}" in outputs]
    if len(found) != 1:
        files = ", ".join(outputs) or "nothing"
        raise CommandFailed(
            f"It ended well and left {files} in its outputs, where one of {name}.parquet, {name}.arrow and {name}.csv was to be."
        )
    form = cast("Form", found[0])
    try:
        return from_form(outputs[f"{name}.{form}"], form, types)
    except (ValueError, UnsupportedType) as error:
        raise CommandFailed(f"It left {name}.{form}, which cannot be read: {error}") from error


def _write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
