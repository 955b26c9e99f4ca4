"""The backend in a local folder. What it acknowledges is on the disk, also after a power cut.

    name#4711   written ── fsync ──▶ linked as name (or refused: it exists) ── fsync of the folder ──▶ acknowledged

So a name never appears before its bytes are on the disk, and nobody builds on a name that a power cut takes away: who finds
it taken syncs the folder, too, before relying on it. A folder that is new is synced into the one above. Links and renames are
atomic: readers see all of a file or none. Files whose name ends in ``#`` and digits are unfinished; nobody lists them.

A *scratch* folder is not synced, so that a power cut takes what it likes. Only its address says so, ``scratch://``.

In a store, nothing is a symbolic link: whoever plants one could have a collector delete files elsewhere. A landing folder may
have them.

Nothing is asked twice here: a disk that fails does not get better, and a network file system waits by itself.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ml_assets.errors import InvalidKey, OutcomeUnknown, StoreUnreachable, UnreadableContent
from ml_assets.store.backends.backend import PIECE, UNKNOWN, Backend, refuse_larger
from ml_assets.store.backends.listing import LAST, Entry, Span, first, local_entries, local_entry, local_names
from ml_assets.store.backends.signed import Signed

_IMPOSSIBLE = re.compile(r"[\x00-\x1f]|(^|/)(\.{0,2})(/|$)|#\d+$")  # control characters; empty, . and ..; unfinished
SCRATCH = "scratch://"
ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
CANNOT_SYNC_FOLDERS = (errno.EINVAL, errno.ENOTSUP)  # some network file systems
MEANINGS = {
    errno.EACCES: "access is denied. Give yourself the right, or use another folder",
    errno.EPERM: "access is denied. Give yourself the right, or use another folder",
    errno.EROFS: "the file system is read-only. Mount it for writing, or use another folder",
    errno.ENOSPC: "the disk is full. Make room",
    errno.EDQUOT: "the quota is used up. Make room",
    errno.EIO: "the disk fails. Look at the system's log before you store anything more",
}


class LocalBackend:
    """The primitives on a folder, which is made by the first write.

    Args:
        is_scratch: what is acknowledged need not survive a power cut.
        follows_links: whether a file or folder in it may be a symbolic link.
    """

    def __init__(self, root: Path, *, is_scratch: bool = False, follows_links: bool = False) -> None:
        self.url, self.root = f"{SCRATCH if is_scratch else ''}{root}", root
        self._is_scratch, self._follows_links = is_scratch, follows_links
        self._kept: set[Path] = set()  # folders whose own names are known to be on the disk

    def within(self, seconds: float) -> LocalBackend:
        """See ``Backend``."""
        return self

    def put_new(self, key: str, data: bytes) -> bool:
        """See ``Backend``."""
        return self._stored(key, (data,), _link)

    def replace(self, key: str, data: bytes) -> None:
        """See ``Place``."""
        self._stored(key, (data,), _rename)

    def put_file(self, key: str, source: bytes | Path) -> None:
        """See ``Backend``."""
        if isinstance(source, bytes):
            self._stored(key, (source,), _rename)
            return
        with source.open("rb") as file:
            self._stored(key, _pieces(file.read), _rename)

    def get(self, key: str, most: int | None = None) -> bytes | None:
        """See ``Backend``."""
        with self._explained("read", key), suppress(*ABSENT), self._path(key).open("rb", buffering=0) as file:
            refuse_larger(f"{self.url}/{key}", os.fstat(file.fileno()).st_size, most)
            return file.read()
        return None

    def stream(self, key: str) -> Iterator[bytes] | None:
        """See ``Backend``."""
        with self._explained("read", key):
            path = self._path(key)
            return self._read(key, path) if path.is_file() else None

    def _read(self, key: str, path: Path) -> Iterator[bytes]:
        with self._explained("read", key), path.open("rb") as file:
            yield from _pieces(file.read)

    def part(self, key: str, start: int, stop: int) -> bytes | None:
        """See ``Backend``."""
        with self._explained("read", key), suppress(*ABSENT), self._path(key).open("rb") as file:
            file.seek(start)
            return file.read(stop - start)
        return None

    def list(self, folder: str, after: str | None = None) -> list[str]:
        """See ``Backend``."""
        with self._explained("list", folder):
            return sorted(local_names(self.root, folder, Span(after or "")))

    def entries(self, folder: str, after: str = "", until: str = LAST, most: int | None = None) -> dict[str, Entry]:
        """See ``Backend``."""
        with self._explained("list", folder):
            return first(local_entries(self.root, folder, Span(after, until)), most)

    def entry(self, key: str) -> Entry | None:
        """See ``Backend``."""
        with self._explained("look at", key):
            self._refuse_link(key)
            return local_entry(self.root, key)

    def delete(self, key: str) -> None:
        """See ``Backend``."""
        with self._explained("delete", key), suppress(*ABSENT):
            self._path(key).unlink()

    def rename(self, key: str, to: str) -> bool:
        """See ``Backend``. After a power cut, too: a rename is one step of the disk's journal."""
        with self._explained("move", key):
            path, target = self._path(key), self._path(to)
            if not path.is_file():
                return False
            self._kept = self._kept or {above for above in (self.root, *self.root.parents) if above.exists()}
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # somebody else was quicker
                path.replace(target)
                self._keep(target.parent, key)
                return True
            return False

    def _path(self, key: str) -> Path:
        if _IMPOSSIBLE.search(key):
            raise InvalidKey(f"{self.url}/{key!r} is no key that can be stored. Choose another name.")
        self._refuse_link(key)
        return self.root / key

    def _refuse_link(self, key: str) -> None:
        at = str(self.root)
        for part in () if self._follows_links else key.split("/"):
            at = f"{at}/{part}"
            if os.path.islink(at):  # noqa: PTH114  # asked of each key: a string is quicker
                raise UnreadableContent(
                    f"{at} is a symbolic link, which nothing in a store is. {key} was neither read nor changed. Find out who "
                    "made it, and remove it. To keep a store on another disk, link or mount its whole folder."
                )

    def _stored(self, key: str, pieces: Iterable[bytes], place: Callable[[Path, Path], bool]) -> bool:
        """Write a file and give it its name once its bytes are on the disk; whether it got it. The name is kept either way."""
        with self._explained("write", key):
            path = self._path(key)
            self._kept = self._kept or {above for above in (self.root, *self.root.parents) if above.exists()}
            stored = not (place is _link and path.exists()) and self._placed(path, pieces, place)
            self._keep(path.parent, key)
            return stored

    def _placed(self, path: Path, pieces: Iterable[bytes], place: Callable[[Path, Path], bool]) -> bool:
        unfinished = path.with_name(f"{path.name}#{secrets.randbits(48)}")
        try:
            self._write(unfinished, pieces)
            return place(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)

    def _write(self, path: Path, pieces: Iterable[bytes]) -> None:
        try:
            file = path.open("xb")
        except FileNotFoundError:
            self._kept -= {folder for folder in path.parents if not folder.exists()}
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("xb")
        with file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            if not self._is_scratch:
                os.fsync(file.fileno())

    def _keep(self, folder: Path, key: str) -> None:
        """Let the names in a folder survive a power cut, and the folder itself."""
        if not self._is_scratch:
            with self._explained("keep", key, f"It is there, and a power cut may take it. {UNKNOWN}", OutcomeUnknown):
                self._keep_names(folder)

    def _keep_names(self, folder: Path) -> None:
        _sync_folder(folder)
        while folder not in self._kept:
            _sync_folder(folder.parent)
            self._kept.add(folder)
            folder = folder.parent

    @contextmanager
    def _explained(
        self, verb: str, key: str, so: str = "Nothing was changed.", kind: type[StoreUnreachable] = StoreUnreachable
    ) -> Iterator[None]:
        try:
            yield
        except ValueError as error:  # a name that cannot be encoded, or leads out of the folder
            raise InvalidKey(f"{self.url}/{key!r} is no key that can be stored: {error}.") from error
        except OSError as error:
            why = MEANINGS.get(error.errno or 0, f"{error.strerror or error}. Look at the folder")
            raise kind(f"Cannot {verb} {self.url}/{key}: {why}. {so}") from error


def _link(unfinished: Path, path: Path) -> bool:
    try:
        os.link(unfinished, path)
    except FileExistsError:
        return False
    return True


def _rename(unfinished: Path, path: Path) -> bool:
    unfinished.replace(path)
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in CANNOT_SYNC_FOLDERS:
            raise
    finally:
        os.close(descriptor)


def is_local(backend: Backend) -> bool:
    """Whether it is a folder of this machine, signed or not."""
    return isinstance(backend.inside if isinstance(backend, Signed) else backend, LocalBackend)


def _pieces(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while piece := read(PIECE):
        yield piece
