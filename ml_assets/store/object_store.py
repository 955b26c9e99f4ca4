"""The backends that there are, on obstore: local folders, memory, S3 and compatible, GCS, Azure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ml_assets.errors import InvalidKey, StoreUnreachable, UsageError
from ml_assets.store.backend import PIECE
from ml_assets.store.listing import (
    LAST,
    Entry,
    Span,
    local_entries,
    local_entry,
    local_names,
    remote_entries,
    remote_entry,
)

if TYPE_CHECKING:
    from obstore import GetResult
    from obstore.store import ObjectStore

CLOUDS = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl")
RETRIES = 6  # of one request
PIECES = 4  # of a file that is uploaded, held at the same time


class ObjectStoreBackend:
    """The primitives on one obstore object store, opened when first used.

    ``connect(writing)`` gives the object store, or None when there is nothing to read yet; ``root`` is where a local one lies.
    """

    def __init__(self, url: str, connect: Callable[[bool], ObjectStore | None], root: Path | None = None) -> None:
        self.url = url
        self._connect = connect
        self._root = root
        self._connected: ObjectStore | None = None

    def put_new(self, key: str, data: bytes) -> bool:
        """See ``Backend``."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with self._explained("write", key):
            try:
                obstore.put(self._open(), key, data, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def replace(self, key: str, data: bytes) -> None:
        """Write ``key`` whether or not it exists; readers see the old bytes or the new. Only for landing folders."""
        import obstore

        with self._explained("write", key):
            obstore.put(self._open(), key, data)

    def put_file(self, key: str, path: Path) -> None:
        """See ``Backend``."""
        import obstore

        with self._explained("write", key):
            obstore.put(self._open(), key, path, chunk_size=PIECE, max_concurrency=PIECES)

    def get(self, key: str) -> bytes | None:
        """See ``Backend``."""
        with self._explained("read", key):
            found = self._found(key)
            return None if found is None else self._bytes(found)

    def _bytes(self, found: GetResult) -> bytes | None:
        """All bytes. What obstore has read must be copied once more: of half a gigabyte as slow as hashing it twice."""
        if self._root is None:
            return bytes(found.bytes())
        try:
            return (self._root / found.meta["path"]).read_bytes()
        except FileNotFoundError:  # deleted since it was found
            return None

    def stream(self, key: str) -> Iterator[bytes] | None:
        """See ``Backend``."""
        with self._explained("read", key):
            found = self._found(key)
        return None if found is None else self._pieces(found, key)

    def _pieces(self, found: GetResult, key: str) -> Iterator[bytes]:
        with self._explained("read", key):
            for piece in found.stream(min_chunk_size=PIECE):
                yield bytes(piece)

    def _found(self, key: str) -> GetResult | None:
        import obstore

        store = self._store(writing=False)
        try:
            return None if store is None else obstore.get(store, key)
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise
            return None

    def list(self, folder: str, after: str | None = None) -> list[str]:
        """See ``Backend``."""
        if self._root is None:
            return sorted(self.entries(folder, after or ""))
        with self._explained("list", folder):
            return sorted(local_names(self._root, folder, Span(after or "")))

    def entries(self, folder: str, after: str = "", until: str = LAST) -> dict[str, Entry]:
        """Every key below ``folder`` that sorts after ``after`` and not after ``until``, with its stamp and time.

        Where keys are served in order (S3, GCS) this costs what is found, not what is there.
        """
        span = Span(after, until)
        with self._explained("list", folder):
            if self._root is not None:
                return local_entries(self._root, folder, span)
            store = self._store(writing=False)
            return {} if store is None else remote_entries(store, folder, span)

    def entry(self, key: str) -> Entry | None:
        """The same of one key; None if it does not exist."""
        with self._explained("look at", key):
            if self._root is not None:
                return local_entry(self._root, key)
            store = self._store(writing=False)
            return None if store is None else remote_entry(store, key)

    def stamps(self, folder: str) -> dict[str, str]:
        """Every key below ``folder`` with a stamp that changes when its bytes do."""
        return {key: entry.stamp for key, entry in self.entries(folder).items()}

    def delete(self, key: str) -> None:
        """See ``Backend``."""
        import obstore

        with self._explained("delete", key):
            try:
                obstore.delete(self._open(), key)
            except FileNotFoundError:
                return

    def _store(self, *, writing: bool) -> ObjectStore | None:
        if self._connected is None:
            with self._explained("open", ""):
                self._connected = self._connect(writing)
        return self._connected

    def _open(self) -> ObjectStore:
        store = self._store(writing=True)
        if store is None:
            raise StoreUnreachable(f"{self.url} cannot be opened for writing.")
        return store

    @contextmanager
    def _explained(self, verb: str, key: str) -> Iterator[None]:
        """Turn what obstore raises into errors that say what to do."""
        from obstore.exceptions import BaseError, InvalidPathError

        try:
            yield
        except InvalidPathError as error:  # one such key spoils the listing of its folder
            cause = str(error).partition("\n\n")[0]
            raise InvalidKey(
                f"Cannot {verb} {self.url}/{key}: {cause!r}. Rename or delete what has this name."
            ) from error
        except (BaseError, OSError) as error:
            cause = str(error).partition("\n")[0]
            raise StoreUnreachable(
                f"Cannot {verb} {self.url}/{key}: {cause}. Nothing was changed. "
                "Check the address, the credentials and the network."
            ) from error
        except ValueError as error:  # obstore's word for a path it cannot express
            raise InvalidKey(f"{self.url}/{key} is no key that can be stored: {error}") from error


def open_backend(url: str) -> ObjectStoreBackend:
    """The backend at a local path, ``file://``, ``memory://`` (``memory://name`` is shared within the process),
    ``s3://bucket/prefix``, ``gs://…`` or ``az://…``. Nothing is contacted or created before the first use.

    Credentials and endpoints come from the environment, as obstore reads it: ``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID`` ….

    Raises:
        UsageError: for any other address.
    """
    scheme = urlsplit(url).scheme if "://" in url else "file"
    if scheme == "memory":
        name = url.partition("://")[2]
        return ObjectStoreBackend(url, _named_memory(name) if name else _memory())
    if scheme == "file":
        return _local(Path(unquote(urlsplit(url).path) if "://" in url else url))
    if scheme in CLOUDS:
        return ObjectStoreBackend(url.rstrip("/"), lambda _: _cloud(url))
    raise UsageError(
        f"The address {url!r} has no meaning for a store. Use a local path, memory://, s3://bucket/prefix, gs:// or az://."
    )


def _local(path: Path) -> ObjectStoreBackend:
    root = path.expanduser().absolute()

    def connect(writing: bool) -> ObjectStore | None:
        from obstore.store import LocalStore

        return LocalStore(root, mkdir=writing) if writing or root.is_dir() else None

    return ObjectStoreBackend(str(root), connect, root)


def _memory() -> Callable[[bool], ObjectStore | None]:
    from obstore.store import MemoryStore

    store = MemoryStore()
    return lambda _: store


@cache
def _named_memory(name: str) -> Callable[[bool], ObjectStore | None]:
    return _memory()


def _cloud(url: str) -> ObjectStore:
    """A gigabyte takes minutes on a slow line; an address that does not answer should not.

    Giving any client option makes obstore forget those of the environment, ``AWS_ALLOW_HTTP`` among them. Plain HTTP is
    only ever used if the operator's ``AWS_ENDPOINT_URL`` says ``http://``: a server on the same machine or cluster.
    """
    from obstore.store import from_url

    return from_url(
        url,
        client_options={
            "allow_http": url.startswith("s3"),
            "connect_timeout": timedelta(seconds=10),
            "timeout": timedelta(minutes=10),
        },
        retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(minutes=2)},
    )
