"""The backends on obstore: S3 and compatible, GCS, Azure, memory; and which backend an address means.

Every call goes through ``_asked``: a blip is waited out, a refusal is an error at once, a silent server one after a stated time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from datetime import timedelta
from functools import cache, partial
from itertools import count
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from ml_assets.errors import InvalidKey, OutcomeUnknown, StoreUnreachable, UsageError
from ml_assets.store.backends.backend import PIECE, UNKNOWN, Place, refuse_larger
from ml_assets.store.backends.faults import Unbelievable, is_absent, is_beyond, is_conflict, may_pass, meaning
from ml_assets.store.backends.listing import LAST, Entry, Span, remote_entries, remote_entry
from ml_assets.store.backends.local import SCRATCH, LocalBackend
from ml_assets.store.backends.patience import GaveUp, Patience, duration, times
from ml_assets.store.backends.s3_access import S3Access, access_by, access_of_environment
from ml_assets.store.together import ahead
from ml_assets.store.transfer import LARGE, parts, told

if TYPE_CHECKING:
    from obstore import Bytes, GetOptions
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

S3 = ("s3", "s3a")
AZURE = ("az", "azure", "abfs", "abfss", "adl")
CLOUDS = (*S3, "gs", *AZURE)
WRITING = ("write", "delete", "copy")
MOST_PARTS = 10_000  # of an upload, as S3 allows
PIECES = 4  # of a large object that is fetched, held at the same time
PART, PARTS = (
    5 << 20,
    8,
)  # bytes of a part of an upload, the least that S3 takes, and how many are sent at the same time
PART_RETRIES = 6  # of one of them; the rest need not be sent again
COPY_MINUTES = 16  # that a server may take to copy an object, silently
MINUTE = timedelta(minutes=1)
SILENCE = timedelta(seconds=30)  # in which no byte of a reply comes: the request is given up
LONGEST_READ = timedelta(hours=1)
T = TypeVar("T")
B = TypeVar("B", bound=bytes | memoryview)
Connect = Callable[[int, int], "ObjectStore"]


class ObjectStoreBackend:
    """The primitives on one obstore object store, opened when first used; each call is patient, see patience.py.

    Args:
        connect: gives the object store whose requests may take so many minutes, and which tries each so often again.
        confirms: whether the empty end of a listing needs a second opinion, see listing.py.
        copies_later: whether the server says of a copy that it has begun, and the original is needed until it has ended.
    """

    def __init__(
        self, url: str, connect: Connect, patience: Patience, *, confirms: bool = False, copies_later: bool = False
    ) -> None:
        self.url = url
        self.patience = patience
        self._connect = connect
        self._confirms = confirms
        self._copies_later = copies_later
        self._answered = [False]  # shared by all that are ``within`` some seconds of it

    def within(self, seconds: float) -> ObjectStoreBackend:
        """See ``Backend``."""
        hurried = copy(self)
        hurried.patience = self.patience.at_most(seconds)
        return hurried

    def put_new(self, key: str, data: bytes) -> bool:
        """See ``Backend``."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        def put() -> bool:
            try:
                obstore.put(self._connect(_minutes(len(data)), 0), key, data, mode="create")
            except AlreadyExistsError as error:
                if is_conflict(error):
                    raise
                return False
            return True

        return self._asked("write", key, put)

    def replace(self, key: str, data: bytes) -> None:
        """See ``Place``."""
        import obstore

        self._asked("write", key, lambda: obstore.put(self._connect(_minutes(len(data)), 0), key, data))

    def put_file(self, key: str, source: bytes | Path) -> None:
        """See ``Backend``."""
        import obstore

        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        each = part_size(size)

        def put() -> object:
            store = self._connect(_minutes(each * PARTS), PART_RETRIES)
            sent = self._told("write", key, parts(source, each), size) if size > LARGE else source
            return obstore.put(store, key, sent, chunk_size=each, max_concurrency=PARTS)

        self._asked("write", key, put)

    def get(self, key: str, most: int | None = None) -> bytes | None:
        """See ``Backend``."""
        return self._asked("read", key, lambda: _unless_absent(lambda: self._bytes(key, most=most)))

    def stream(self, key: str) -> Iterator[bytes | memoryview] | None:
        """See ``Backend``."""
        import obstore

        found = self._asked("read", key, lambda: _unless_absent(lambda: obstore.head(self._reader, key)))
        if found is None:
            self._refuse_absent_place(key)
            return None
        return self._told("read", key, self._pieces(key, found["size"]), found["size"])

    def _pieces(self, key: str, size: int) -> Iterator[memoryview]:
        """One request each, some at the same time: what breaks off costs a piece."""
        spans = [(start, min(start + PIECE, size)) for start in range(0, size, PIECE)]

        def piece(span: tuple[int, int]) -> memoryview:
            return self._asked("read", key, lambda: memoryview(self._got(key, {"range": span})))

        return ahead(piece, spans, PIECES)

    def _told(self, verb: str, key: str, pieces: Iterable[B], size: int) -> Iterator[B]:
        return told(f"{verb} {self.url}/{key}", pieces, size, self.patience.clock)

    def part(self, key: str, start: int, stop: int) -> bytes | None:
        """See ``Backend``."""
        from obstore.exceptions import BaseError

        def read() -> bytes:
            try:
                return self._bytes(key, {"range": (start, stop)})
            except BaseError as error:
                if not is_beyond(error):
                    raise
                return b""

        return self._asked("read", key, lambda: _unless_absent(read))

    def _bytes(self, key: str, options: GetOptions | None = None, most: int | None = None) -> bytes:
        return bytes(self._got(key, options, most))

    def _got(self, key: str, options: GetOptions | None = None, most: int | None = None) -> Bytes:
        """Objects have an entity tag; an error in the body of a reply that says 200 has none."""
        import obstore

        found = obstore.get(self._reader, key, options=options)
        if found.meta["e_tag"] is None:
            raise Unbelievable("a reply looks like an error that says 200")
        refuse_larger(f"{self.url}/{key}", found.meta["size"], most)
        return found.bytes()

    def _refuse_absent_place(self, key: str) -> None:
        """An error if it is the bucket that is absent: a HEAD has no body to say so."""
        self.get(key)

    def list(self, folder: str, after: str | None = None) -> list[str]:
        """See ``Backend``."""
        return sorted(self.entries(folder, after or ""))

    def entries(self, folder: str, after: str = "", until: str = LAST, most: int | None = None) -> dict[str, Entry]:
        """See ``Backend``."""

        def listed() -> dict[str, Entry]:
            return remote_entries(self._reader, folder, Span(after, until), most, confirm=self._confirms)

        return self._asked("list", folder, listed)

    def entry(self, key: str) -> Entry | None:
        """See ``Backend``."""
        entry = self._asked("look at", key, lambda: remote_entry(self._reader, key))
        if entry is None:
            self._refuse_absent_place(key)
        return entry

    def delete(self, key: str) -> None:
        """See ``Backend``."""
        import obstore

        self._asked("delete", key, lambda: _unless_absent(lambda: obstore.delete(self._reader, key)))

    def rename(self, key: str, to: str) -> bool:
        """See ``Backend``: the server copies, or the bytes go through here; then what was copied is deleted."""
        is_copied = self._sent_again(key, to) if self._copies_later else self._copied(key, to)
        if not is_copied:
            return False
        self.delete(key)
        return True

    def _copied(self, key: str, to: str) -> bool:
        import obstore

        def copy() -> bool:
            obstore.copy(self._connect(COPY_MINUTES, 0), key, to)
            return True

        return bool(self._asked("copy", key, lambda: _unless_absent(copy)))

    def _sent_again(self, key: str, to: str) -> bool:
        pieces = self.stream(key)
        if pieces is None:
            return False
        with NamedTemporaryFile() as file:  # what breaks off is sent again from the beginning
            file.writelines(pieces)
            file.flush()
            self.put_file(to, Path(file.name))
        return True

    @property
    def _reader(self) -> ObjectStore:
        return self._connect(0, 0)

    def _asked(self, verb: str, key: str, do: Callable[[], T]) -> T:
        """What the server answers, in the end; what obstore raises becomes an error that says what to do."""
        from obstore.exceptions import BaseError, InvalidPathError

        what, tries = f"{verb} {self.url}/{key}", count()

        def tried() -> T:
            next(tries)
            return do()

        try:
            answer = self.patience.ask(what, tried, may_pass, known=self._answered[0])
        except GaveUp as gave_up:
            raise _gave_up(what, verb, gave_up) from gave_up.__cause__
        except InvalidPathError as error:  # one such key spoils the listing of its folder
            cause = str(error).partition("\n\n")[0]
            raise InvalidKey(f"Cannot {what}: {cause!r}. Rename or delete what has this name.") from error
        except (BaseError, OSError) as error:
            refused, is_unknown = meaning(error), verb in WRITING and next(tries) > 1
            kind, so = (OutcomeUnknown, UNKNOWN) if is_unknown else (StoreUnreachable, "Nothing was changed.")
            raise kind(f"Cannot {what}: {refused.what}. {refused.remedy} {so}") from error
        except ValueError as error:  # obstore's word for a path it cannot express
            raise InvalidKey(f"{self.url}/{key} is no key that can be stored: {error}") from error
        self._answered[0] = True
        return answer


def part_size(size: int) -> int:
    """Bytes of each part of an upload of so many bytes."""
    return max(PART, -(-size // MOST_PARTS))


def _gave_up(what: str, verb: str, gave_up: GaveUp) -> StoreUnreachable:
    last = meaning(gave_up.__cause__)  # type: ignore[arg-type]  # patience sets it
    kind, so = (OutcomeUnknown, f" {UNKNOWN}") if verb in WRITING else (StoreUnreachable, "")
    advice = last.remedy or "Check the address and the network, or wait until the server is back."
    tried = f"{times(gave_up.attempts)} over {duration(gave_up.seconds)}"
    return kind(f"Cannot {what}: {last.what}. It was given up after {tried}.{so} {advice}")


def _unless_absent(do: Callable[[], T]) -> T | None:
    """What it returns; None if there is no such key. That a bucket is missing is another matter."""
    try:
        return do()
    except FileNotFoundError as error:
        if is_absent(error):
            return None
        raise


def _minutes(size: int) -> int:
    """What sending so many bytes may take: a MiB a second, rounded up to a power of two minutes."""
    return 1 << (size // (60 << 20)).bit_length()


def open_backend(
    url: str,
    patience: Patience = Patience(),  # noqa: B008  # frozen
    s3: Any = None,
    *,
    follows_links: bool = False,
) -> Place:
    """The backend at a local path, ``file://``, ``scratch://path`` (a local path that a power cut may damage), ``memory://``
    (``memory://name`` is shared within the process), ``s3://bucket/prefix``, ``gs://…`` or ``az://…``. Nothing is contacted or
    created before the first use.

    Credentials and endpoints come from the environment: of S3 as boto finds them, see s3_access.py, of others as obstore
    reads them (``GOOGLE_…``, ``AZURE_…``).

    Args:
        patience: how long a server that does not answer is asked again.
        s3: by what S3 is reached instead: a boto3 session, an S3 client, or a dagster-aws ``S3Resource``.
        follows_links: whether a file or folder in a local one may be a symbolic link.
    Raises:
        UsageError: for any other address.
    """
    scheme = urlsplit(url).scheme if "://" in url else "file"
    if scheme == "memory":
        name = url.partition("://")[2]
        store = _named_memory(name) if name else _memory()
        return ObjectStoreBackend(url, lambda minutes, retries: store, patience)
    if scheme == "file":
        path = Path(unquote(urlsplit(url).path) if "://" in url else url)
        return LocalBackend(path.expanduser().absolute(), follows_links=follows_links)
    if url.startswith(SCRATCH) and url != SCRATCH:
        path = Path(url.removeprefix(SCRATCH))
        return LocalBackend(path.expanduser().absolute(), is_scratch=True, follows_links=follows_links)
    if scheme in S3:
        access = cache(access_of_environment if s3 is None else partial(access_by, s3))
        return ObjectStoreBackend(url.rstrip("/"), cache(partial(_s3, url, access)), patience, confirms=True)
    if scheme in CLOUDS:
        return ObjectStoreBackend(
            url.rstrip("/"), cache(partial(_cloud, url)), patience, confirms=True, copies_later=scheme in AZURE
        )
    raise UsageError(
        f"The address {url!r} has no meaning for a store. Use a local path, scratch://path, memory://, "
        "s3://bucket/prefix, gs:// or az://."
    )


def _memory() -> ObjectStore:
    from obstore.store import MemoryStore

    return MemoryStore()


@cache
def _named_memory(name: str) -> ObjectStore:
    return _memory()


def _s3(url: str, found: Callable[[], S3Access | None], minutes: int, retries: int) -> ObjectStore:
    """See ``_cloud``."""
    from obstore.store import S3Store

    access = found()
    if access is None:
        return _cloud(url, minutes, retries)
    address = urlsplit(url)
    return S3Store(  # from_url does not know all of the configuration
        address.netloc,
        prefix=unquote(address.path).strip("/") or None,
        config=access.config(address.netloc),
        client_options={**_options(minutes), **access.client_options},
        retry_config=_tried(retries),
        credential_provider=access.provider,
    )


def _cloud(url: str, minutes: int, retries: int) -> ObjectStore:
    """The client for requests that may take so many minutes; 0: that read, and notice when the server falls silent."""
    from obstore.store import from_url

    return from_url(url, client_options=_options(minutes), retry_config=_tried(retries))


def _options(minutes: int) -> ClientConfig:
    """Those that send have a limit for the whole instead: obstore's ``read_timeout`` runs while it is still sending.

    Giving any client option makes obstore forget those of the environment, ``AWS_ALLOW_HTTP`` among them. Plain HTTP is
    only ever used if the operator's endpoint says ``http://``: a server on the same machine or cluster.
    """
    options: ClientConfig = {"allow_http": True, "connect_timeout": timedelta(seconds=10)}
    if minutes:
        return {**options, "timeout": minutes * MINUTE}
    return {**options, "timeout": LONGEST_READ, "read_timeout": SILENCE}


def _tried(retries: int) -> RetryConfig:
    return {"max_retries": retries, "retry_timeout": timedelta(minutes=2)}
