"""Everything that a store holds, read again: each object against what its name or its seal promises, and what others need of it.

    store.json                         says a format that we read
    blobs/ checkpoints/                the digest is the name
    environments/ code/ sources/       the digest is the name; of a source, each file is there
    versions/                          the digest is the name; it speaks of the asset and partition that it lies under; its
                                       content, environment, code and source are there
    refs/ runs/                        entries are sealed, follow each other without a gap, name versions that exist; what a
                                       power cut left unfinished and a later entry passes over is nobody's loss
    computations/ traces/              sealed; what is remembered exists

Each object is read once, in pieces, and several at a time. Each fault says what it costs and how it is made again.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from typing import Any

from ml_assets.errors import CorruptBlob, StoreError, UnknownVersion, Untrusted
from ml_assets.store import catalog, probe, records
from ml_assets.store.backends.backend import DOCUMENT, Backend
from ml_assets.store.blobs import Blobs, streamed_digest
from ml_assets.store.canonical import as_written, is_unfinished, unsealed
from ml_assets.store.collecting.trash import Gone
from ml_assets.store.content import File
from ml_assets.store.keys import (
    VersionKey,
    blob_key,
    code_key,
    computation_key,
    described,
    environment_key,
    source_key,
    version_in,
    version_key,
)
from ml_assets.store.logs.refs import PASSED_OVER
from ml_assets.store.manifest import Manifest
from ml_assets.store.store import Store

LONE = (probe.STORE, "blobs", "environments", "code", "sources", "computations", "traces", "checkpoints", "trash")
READERS = 8  # objects that are read at the same time: on S3 each waits for its reply
AT_ONCE = 1_000  # objects that are asked for before the first of them is told
CODE = "A run of the same code writes it again. Until then, why says less, and reproduce refuses."
ENVIRONMENT = "A run in the same environment writes it again. Until then, reproduce refuses."
GOES_ON = "It is passed over: the training goes on from the one before, or begins again."
LOG = "Entries are never written again: restore it. The versions that it named are not affected."
UNFINISHED = "A power cut left it so: at the end of its log it is passed over, and the next entry is created behind it."
STRANGER = "It is whole, and not used: have it signed by who may vouch for it, or find out who wrote it."
UNNAMED = "No version names it: nothing is lost."
MADE_AGAIN = "Deleting it loses time, never data: the computation is done, and remembered, again."


@dataclass(frozen=True)
class Fault:
    """What is wrong with an object.

    Attributes:
        key: where it lies, or should.
        of: what needs it, as people name it.
        error: what is wrong.
        remedy: what it costs, and how it is made again.
    """

    key: str
    of: str
    error: StoreError
    remedy: str


@dataclass(frozen=True)
class Looked:
    """An object that was read; ``fault`` is None if it is whole."""

    key: str
    fault: Fault | None = None


@dataclass(frozen=True)
class _Object:
    """Something to read: where it lies, who needs it, how it is read, and what helps if it is damaged."""

    key: str
    of: str
    read: Callable[[], Any]
    remedy: Callable[[], str]


@dataclass
class Verification:
    """One look at a store. Nothing in it is changed."""

    store: Store
    _seen: set[str] = field(default_factory=set)
    _manifests: dict[VersionKey, Manifest] = field(default_factory=dict)
    _sources: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _passed_over: list[tuple[str, range]] = field(default_factory=list)
    _listed: frozenset[str] | None = None  # all keys, where they were asked for

    def __post_init__(self) -> None:
        self.store = self.store.without_copies()

    def everything(self) -> Iterator[Looked]:
        """All objects of the store, versions and what they need first; then what nobody names, and the logs."""
        listed = self._backend.list("")
        self._listed = frozenset(listed)
        versions = [key for key in map(records.version_at, listed) if key]
        yield from self.versions(versions)
        lone = [key for key in listed if key.partition("/")[0] in LONE and key not in self._seen]
        yield from self._look(map(self._lone, lone))
        yield from self._logs(listed, set(versions))

    def problem(self, name: str) -> Iterator[Looked]:
        """The versions of a problem, what they need, and the logs that name them."""
        known = catalog.version_keys(self._backend)
        yield from self.versions([key for key in known if key.asset.split("/")[0] == name])
        entries = [key for root in ("refs", "runs") for key in self._backend.list(root)]
        own = [key for key in entries if (at := records.place_of(key)) and at.asset.split("/")[0] == name]
        yield from self._logs(own, set(known))

    def versions(self, keys: Sequence[VersionKey]) -> Iterator[Looked]:
        """These versions and what they need: content, environment, code, source, and what is remembered of them."""
        yield from self._look(map(self._version, keys))
        read = [(key, self._manifests[key]) for key in keys if key in self._manifests]
        sources = {str(manifest.code["source"]): key for key, manifest in read if "source" in manifest.code}
        yield from self._look(self._source(digest, key) for digest, key in sources.items())
        yield from self._look(need for key, manifest in read for need in self._needs(key, manifest))

    # ------------------------------------------------------------ reading

    @property
    def _backend(self) -> Backend:
        return self.store.backend

    def _look(self, objects: Iterable[_Object]) -> Iterator[Looked]:
        """Read objects that were not read yet, in order."""
        new = self._new(objects)
        with ThreadPoolExecutor(READERS) as pool:
            while some := list(islice(new, AT_ONCE)):
                yield from pool.map(_looked, some)

    def _is_there(self, key: str) -> bool:
        return key in self._listed if self._listed is not None else self._backend.entry(key) is not None

    def _new(self, objects: Iterable[_Object]) -> Iterator[_Object]:
        for one in objects:
            if one.key not in self._seen:
                self._seen.add(one.key)
                yield one

    @cached_property
    def _gone(self) -> Mapping[VersionKey, Gone]:
        return self.store.gone()

    def _blob(self, digest: str, path: str, of: str, remedy: Callable[[], str]) -> _Object:
        check = partial(Blobs(self._backend).check, File(path, digest, 0), of)
        return _Object(blob_key(digest), of, check, remedy)

    # ------------------------------------------------------------ versions and what they need

    def _version(self, key: VersionKey) -> _Object:
        def read() -> None:
            self._manifests[key] = self.store.manifest(key)

        remedy = f"Its value can be made again, as another version: {_run(key)}"
        return _Object(version_key(key), str(key), read, lambda: remedy)

    def _source(self, digest: str, key: VersionKey) -> _Object:
        def read() -> None:
            self._sources[digest] = self.store.source_files(digest)

        remedy = f"Without it, {key} cannot be reproduced. Nothing else reads it."
        return _Object(source_key(digest), f"the source of {key}", read, lambda: remedy)

    def _needs(self, key: VersionKey, manifest: Manifest) -> Iterator[_Object]:
        for file in manifest.content.files:
            if key in self._gone and not self._is_there(blob_key(file.digest)):
                continue  # a rule let it go
            yield self._blob(file.digest, file.path, str(key), partial(self._value_made_again, key))
        code = manifest.code
        for path, digest in self._sources.get(str(code.get("source")), {}).items():
            yield self._blob(digest, path, f"the source of {key}", partial(_from_git, manifest, path, digest))
        if manifest.environment:
            read = partial(self.store.environment, manifest.environment)
            yield _Object(environment_key(manifest.environment), f"the environment of {key}", read, lambda: ENVIRONMENT)
        if computation := code.get("computation"):
            if version := computation.get("code"):
                yield _Object(code_key(version), f"the code of {key}", partial(self.store.code, version), lambda: CODE)
            if (made_by := computation.get("key")) and self._is_there(computation_key(made_by)):
                yield self._sealed(computation_key(made_by), f"what is remembered of {key}")

    def _value_made_again(self, key: VersionKey) -> str:
        try:
            head = self.store.head(key.asset, key.partition)
        except StoreError:  # which is told of the log
            head = None
        if head is not None and head.target == key:
            return f"Make it again: {_run(key)}"
        return f"No branch names it any more. What it was can be rebuilt beside the store: ml-assets reproduce {key}"

    # ------------------------------------------------------------ what nobody names

    def _lone(self, key: str) -> _Object:
        """An object by its name alone."""
        top, _, rest = key.partition("/")
        name = rest.rpartition("/")[2].removesuffix(".json").rpartition("-")[2]
        by_name = partial(self._refuse_other_digest, key, name)
        if top == "checkpoints":
            return _Object(key, "a training in flight", by_name, lambda: GOES_ON)
        if top in ("blobs", "environments", "code", "sources", "trash"):
            return _Object(key, "nothing that is whole", by_name, lambda: UNNAMED)
        if top in ("computations", "traces"):
            return self._sealed(key, "what is remembered of a computation")
        return _Object(
            key, "the store", partial(probe.is_store, self._backend), lambda: "Use the version that wrote it."
        )

    def _refuse_other_digest(self, key: str, expected: str) -> None:
        found = streamed_digest(self._backend, key)
        if found != expected:
            raise CorruptBlob(f"{self.store.url}/{key} reads back as {found}: it was changed after it was written.")

    def _sealed(self, key: str, of: str) -> _Object:
        def read() -> None:
            data = self._backend.get(key, DOCUMENT)
            fact = unsealed(data) if data is not None else None
            if data is None or fact is None:
                raise CorruptBlob(f"{self.store.url}/{key} was changed or truncated after it was written.")
            if "version" in fact:
                with as_written(f"{self.store.url}/{key}"):
                    made = version_in(fact["version"])
                if made not in self._manifests and not self._is_there(version_key(made)):
                    raise UnknownVersion(f"{self.store.url}/{key} remembers {made}, which does not exist.")

        return _Object(key, of, read, lambda: MADE_AGAIN)

    # ------------------------------------------------------------ logs

    def _logs(self, keys: Iterable[str], versions: set[VersionKey]) -> Iterator[Looked]:
        """Entries of logs, each folder from its first to its newest: a number that is missing was an entry."""
        there: dict[str, dict[int, records.Place]] = {}
        for place in filter(None, map(records.place_of, keys)):
            there.setdefault(place.folder, {})[place.n] = place
        entries = (place for numbers in there.values() for place in _with_gaps(numbers))
        for looked in list(self._look(self._entry(place, versions) for place in entries)):
            yield looked if not self._is_passed_over(looked.key) else Looked(looked.key)

    def _is_passed_over(self, key: str) -> bool:
        folder, _, name = key.rpartition("/")
        return any(folder == of and int(name.removesuffix(".json")) in numbers for of, numbers in self._passed_over)

    def _entry(self, place: records.Place, versions: set[VersionKey]) -> _Object:
        key = f"{place.folder}/{place.n:010d}.json"

        def read() -> None:
            entry = records.entry_at(self._backend, place)
            if passed := entry.details.get(PASSED_OVER, 0):
                self._passed_over.append((place.folder, range(place.n - passed, place.n)))
            target = entry.target
            if target not in versions and not self._is_there(version_key(target)):
                raise UnknownVersion(f"{self.store.url}/{key} names {target}, which does not exist.")

        log = f"the log of {described(place.asset, place.partition, '@')} in {place.owner}"
        return _Object(key, log, read, lambda: UNFINISHED if self._is_unfinished(key) else LOG)

    def _is_unfinished(self, key: str) -> bool:
        try:
            data = self._backend.get(key, DOCUMENT)
        except StoreError:  # which is told of it
            data = None
        return data is not None and is_unfinished(data)


def _with_gaps(there: Mapping[int, records.Place]) -> list[records.Place]:
    """The entries of a log in order, and where some are lacking, the first of these."""
    some, last = next(iter(there.values())), max(there)
    numbers = {1, *there, *(n + 1 for n in there if n < last)}
    return [some._replace(n=n) for n in sorted(numbers)]


def _looked(one: _Object) -> Looked:
    try:
        one.read()
    except StoreError as error:
        return Looked(
            one.key, Fault(one.key, one.of, error, STRANGER if isinstance(error, Untrusted) else one.remedy())
        )
    return Looked(one.key)


def _run(key: VersionKey) -> str:
    at = f" --partition {shlex.quote(key.partition)}" if key.partition else ""
    return f"ml-assets run {key.asset}{at} --fresh"


def _from_git(manifest: Manifest, path: str, digest: str) -> str:
    commit = manifest.code.get("git_commit")
    if not commit or manifest.code.get("git_dirty"):
        return "Without it, the version cannot be reproduced. Nothing else reads it."
    return (
        f"Its commit has it, unless the file lies outside of the repository: git show {commit}:{path} > {blob_key(digest)} "
        "(below the store's folder, or as an object of that name)."
    )
