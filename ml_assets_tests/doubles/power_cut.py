"""A disk that keeps only what was synced: what a power cut at each moment of some writing would have left.

    with recorded(root) as disk:
        write()
    for cut in disk.cuts: keys_of(cut.synced), keys_of(cut.named)

The real ``os.fsync`` calls of the code are what counts: of a file they keep its bytes, of a folder the names in it. Two disks
are played. One *loses names*: all that were not synced. The other keeps each name at once and loses bytes that were not
synced, as ext4 and xfs do in their different ways: the file is empty.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

Tree = dict[str, Any]
"""Name -> bytes of a file, or the tree of a folder."""

CALLS = ("link", "unlink", "mkdir", "rename", "replace")


@dataclass(frozen=True)
class Cut:
    """What is left of the folder.

    Attributes:
        after: the call that had just been made, and on what.
        done: what the writer had acknowledged by then.
        synced: names and bytes that were synced.
        named: all names, with the bytes that were synced.
    """

    after: str
    done: tuple[Any, ...]
    synced: Tree
    named: Tree


@dataclass
class Disk:
    """What was synced so far, by inode."""

    root: Path
    done: list[Any] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    _files: dict[int, bytes] = field(default_factory=dict)
    _folders: dict[int, dict[str, int]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def sync(self, descriptor: int) -> None:
        """In place of ``os.fsync``."""
        with self._lock:
            path, status = str(Path(f"/proc/self/fd/{descriptor}").readlink()), os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                self._folders[status.st_ino] = {item.name: item.inode() for item in os.scandir(path)}
            else:
                self._files[status.st_ino] = Path(path).read_bytes()
            self.cut(f"fsync {path}")

    def cut(self, after: str) -> None:
        with self._lock:
            named = _named(self.root, self._files)
            self.cuts.append(Cut(after, tuple(self.done), self._synced(self.root.stat().st_ino), named))

    def _synced(self, folder: int) -> Tree:
        """From the names that were synced, whatever happened to them since."""
        names = self._folders.get(folder, {})
        return {
            name: self._files[inode] if inode in self._files else self._synced(inode) if inode in self._folders else b""
            for name, inode in names.items()
        }


def _named(folder: Path, files: dict[int, bytes]) -> Tree:
    return {
        item.name: _named(Path(item.path), files) if item.is_dir() else files.get(item.inode(), b"")
        for item in os.scandir(folder)
    }


@contextmanager
def recorded(root: Path) -> Iterator[Disk]:
    """Let the code in the block write to this disk."""
    root.mkdir()
    disk = Disk(root)

    def cutting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def made(*arguments: Any, **named: Any) -> Any:
            result = call(*arguments, **named)
            disk.cut(f"{name} {arguments[0]}")
            return result

        return made

    with mock.patch.multiple(os, fsync=disk.sync, **{name: cutting(name, getattr(os, name)) for name in CALLS}):
        yield disk


def keys_of(tree: Tree, below: str = "") -> dict[str, bytes]:
    """The files of a tree by their paths, without those that were being written."""
    found: dict[str, bytes] = {}
    for name, item in tree.items():
        if not isinstance(item, bytes):
            found |= keys_of(item, f"{below}{name}/")
        elif "#" not in name:
            found[below + name] = item
    return found
