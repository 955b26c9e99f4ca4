"""The store: values in, versions out. Everything it knows is in the bucket; see docs/STORE.md for the format.

    put(value)         blobs/…          bytes by digest
    commit(manifest)   versions/…       what the version is, made from what; its digest is the version
    publish(manifest)  runs/…, refs/…   and then the run and the branch name it, unless a check rejected it

Written in this order, so that a crash anywhere leaves the old world or the new one: nothing is named before it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from itertools import chain
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Self

from ml_assets.errors import CorruptBlob, Rejected, StoreError, UnknownVersion, UnreadableContent
from ml_assets.store import batches, catalog, codecs, probe
from ml_assets.store.backends.backend import PIECE, Backend
from ml_assets.store.backends.local import is_local
from ml_assets.store.backends.object_store import open_backend
from ml_assets.store.batches import BATCH_ROWS, Opened
from ml_assets.store.blobs import Blobs
from ml_assets.store.canonical import Json, as_written, digest, plain
from ml_assets.store.checkpoints.log import CheckpointLog
from ml_assets.store.codecs.codec import Parts
from ml_assets.store.codecs.folder import is_inside
from ml_assets.store.codecs.keras_model import KerasCodec
from ml_assets.store.codecs.record import RecordCodec
from ml_assets.store.codecs.tensors import TensorsCodec, from_safetensors
from ml_assets.store.codecs.transformers_model import WEIGHTS, TransformersCodec
from ml_assets.store.collecting.trash import Collections, Gone, bring_back, is_there
from ml_assets.store.computations import Computations, Remembered, Trace
from ml_assets.store.content import Content, File
from ml_assets.store.copies import NO_COPIES, NoCopies
from ml_assets.store.documents import Documents
from ml_assets.store.glance import Glance
from ml_assets.store.keys import (
    VersionKey,
    asset_name,
    branch_folder,
    code_key,
    described,
    environment_key,
    held_key,
    is_digest,
    partition_name,
    ref_folder,
    refs_folder,
    run_folder,
    runs_folder,
    source_key,
    unescape,
    version_key,
)
from ml_assets.store.logs.log_folder import End
from ml_assets.store.logs.refs import RefEntry, RefLog, heads
from ml_assets.store.manifest import Manifest
from ml_assets.store.together import side_by_side

if TYPE_CHECKING:
    import pandas as pd
    import torch

MAIN = "main"
WRITERS = 16  # small parts of one value that are written at the same time: on S3 each waits for its reply


class Store:
    """A store on a backend, as one user on one branch. Nothing is contacted before it is used.

    Attributes:
        branch: refs are written here; where it has none, reading falls through to ``main``.
        user: recorded with every move of a ref.
        copies: of what never changes; by default none are kept, and every read is one of the store.
    """

    def __init__(
        self, backend: Backend, *, branch: str = MAIN, user: str = "unknown", copies: NoCopies = NO_COPIES
    ) -> None:
        self.backend = backend
        self.branch = branch
        self.user = user
        self.copies = copies
        self._is_known_good = False
        self._documents_known: set[str] = set()
        self._ends: dict[str, End] = {}  # of logs, when they were looked at last

    @property
    def url(self) -> str:
        """Where the store is."""
        return self.backend.url

    def on(self, branch: str) -> Store:
        """The same store seen from another branch."""
        return Store(self.backend, branch=branch, user=self.user, copies=self.copies)

    def within(self, seconds: float) -> Self:
        """The same store for somebody who cannot wait long for a server that does not answer."""
        hurried = copy(self)
        hurried.backend = self.backend.within(seconds)
        return hurried

    def without_copies(self) -> Store:
        """The same store as it lies there now: every object is read from it, each time it is asked for."""
        return Store(self.backend, branch=self.branch, user=self.user)

    def at_a_glance(self, questions: int | None = None) -> Self:
        """The store as it is now, for one answer that takes many questions: it lists what there is once, and only reads.

        What others write meanwhile may be missing from it. A local store is as it is: it answers each question at once.

        Args:
            questions: how many there will be, about; no listing takes longer than they would. None: about everything.
        """
        if is_local(self.backend):
            return self
        self._opened(writing=False)  # once, before many threads ask
        looked = copy(self)
        looked.backend = Glance(self.backend, self.copies, questions)
        return looked

    def address(self, key: VersionKey) -> str:
        """Where the manifest of a version is."""
        return f"{self.url}/{version_key(key)}"

    # ------------------------------------------------------------ values

    def put(self, value: Any) -> Content:
        """Store a value's bytes. Bytes that the store already has are not written again.

        Raises:
            UnsupportedType: if no codec stores it; nothing was written.
        """
        encoded = codecs.encode(value)
        blobs = self._blobs(writing=True)
        parts = sorted(encoded.parts.items())
        small = [part for part in parts if _size(part[1]) <= PIECE]
        files = {file.path: file for file in side_by_side(lambda part: blobs.write(*part), small, WRITERS)}
        files |= {path: blobs.write(path, part) for path, part in parts if path not in files}  # which go out in parts
        return Content(encoded.codec, encoded.meta, tuple(files[path] for path, _ in parts))

    def get(
        self, content: Content, of: str = "", *, columns: Sequence[str] | None = None, rows: range | None = None
    ) -> Any:
        """The value. Every file is verified before it is decoded (a folder's files: when they are read).

        Args:
            of: the version it belongs to, for messages.
            columns, rows: of a DataFrame, ``value[columns].iloc[rows.start : rows.stop]``; None: all. Of a large one no
                other bytes are read than these take, and these are verified.
        Raises:
            MissingBlob, CorruptBlob: if a file is gone or changed.
            UnreadableContent: if the bytes are intact but not what a safe codec reads; if it is no DataFrame, or has no such
                column, where some are asked for.
        """
        if columns is not None or rows is not None:
            return self.opened(content, of=of).part("", columns, rows)
        blobs = self._blobs()
        files = {file.path: file for file in content.files}
        return codecs.decode(content.codec, content.meta, Parts(files, partial(blobs.read, of=of)))

    def load(
        self, key: VersionKey, *, field: str = "", columns: Sequence[str] | None = None, rows: range | None = None
    ) -> Any:
        """The value of a version, or a field of it; see ``get`` and ``field``."""
        content = self.manifest(key).content
        if field:
            return self.field(content, field, of=str(key), columns=columns, rows=rows)
        return self.get(content, of=str(key), columns=columns, rows=rows)

    def read(self, file: File, of: str = "") -> bytes:
        """The bytes of one file of a value, verified, undecoded; see ``get``."""
        return self._blobs().read(file, of=of)

    def field(
        self,
        content: Content,
        name: str,
        of: str = "",
        *,
        columns: Sequence[str] | None = None,
        rows: range | None = None,
    ) -> Any:
        """One field of a stored dataclass, its others unread; see ``get``.

        Raises:
            UnreadableContent: if the content is no dataclass, or has no such field.
        """
        return self.get(RecordCodec.field(content, name), of=of, columns=columns, rows=rows)

    def tensors(self, content: Content, of: str = "") -> dict[str, dict[str, torch.Tensor]]:
        """The dicts of tensors in a stored dataclass, by the path of the field, its other fields unread; see ``get``.

        ``{"estimator.weights": {…}}``; under an empty path where the content itself is one. Also of models of transformers
        and Keras.
        """
        dicts = {path: self.get(inside, of=of) for path, inside in RecordCodec.inside(content, TensorsCodec.name)}
        models = (RecordCodec.inside(content, codec) for codec in (TransformersCodec.name, KerasCodec.name))
        files = {
            path: file for path, model in chain.from_iterable(models) for file in model.files if file.path == WEIGHTS
        }
        return dicts | {path: from_safetensors(self.read(file, of)) for path, file in files.items()}

    def put_batches(self, frames: Iterable[pd.DataFrame]) -> Content:
        """Store the rows of all ``frames`` as one table, in bounded memory; ``get`` gives it back as one DataFrame.

        The bytes depend on the rows alone, not on how they were cut. Where ``put`` keeps a frame's index, these are left out.

        Raises:
            UnsupportedType: if a frame has other columns or types than the first, or cannot be stored; nothing was stored.
        """
        return batches.write(self._blobs(writing=True), frames)

    def batches(self, content: Content, *, field: str = "", rows: int = BATCH_ROWS, of: str = "") -> Iterator[Any]:
        """The rows of a stored DataFrame or ndarray in order, ``rows`` at a time, each with the dtypes of the whole.

        The last batch has what is left; a table without rows is one batch without rows. All bytes are verified before the
        first batch.

        Args:
            field: the field that is the DataFrame or ndarray, of a stored dataclass.
            of: the version it belongs to, for messages.
        Raises:
            MissingBlob, CorruptBlob: if a file is gone or changed.
            UnreadableContent: if the content is no table and no array.
        """
        return self.opened(content, of=of).batches(field, rows)

    def opened(self, content: Content, of: str = "") -> Opened:
        """The value to be read in batches as often as wanted, and verified once; see ``batches``."""
        return Opened(self._blobs(), content, of)

    # ------------------------------------------------------------ versions

    def commit(self, manifest: Manifest) -> VersionKey:
        """Write a manifest. Its content must have been ``put`` before. No ref names it yet."""
        key = manifest.key
        self._documents(writing=True).create_exactly(version_key(key), manifest.to_bytes())
        return key

    def manifest(self, key: VersionKey) -> Manifest:
        """The manifest of a version, verified.

        Raises:
            UnknownVersion: if there is none.
            CorruptBlob: if its bytes are not the version's, or speak of another asset.
        """
        data = self._documents().read(version_key(key), key.version)
        if data is None:
            raise UnknownVersion(
                f"There is no version {key.version} of {described(key.asset, key.partition)}. "
                f"List what there is: ml-assets history {key.asset}"
            )
        manifest = Manifest.from_bytes(data)
        if (manifest.asset, manifest.partition) != (key.asset, key.partition):
            raise CorruptBlob(
                f"{self.url}/{version_key(key)} is the manifest of {manifest.key}: it was copied to another name. "
                "Delete the copy."
            )
        return manifest

    def publish(self, manifest: Manifest, *, why: str) -> tuple[VersionKey, RefEntry | None]:
        """Commit, then let the run and the branch name the version, in this order.

        A rejected version (a blocking check failed) is kept for inspection; neither names it, and the entry is None.
        """
        key = self.commit(manifest)
        return key, None if manifest.rejected else self.name(manifest, why=why)

    def name(
        self, manifest: Manifest, *, why: str, reused_by: str | None = None, details: Mapping[str, Json] | None = None
    ) -> RefEntry:
        """Let the run and the branch name a version that is committed, in this order.

        Args:
            reused_by: the run that names it, where that is not the run that made it.
            details: what else the run's log tells of it.
        Raises:
            Rejected: if a blocking check of it failed.
        """
        key, run, by = manifest.key, reused_by or manifest.run, self.user if reused_by else manifest.by
        _refuse_rejected(key, manifest)
        if run is not None:
            self._run_log(run, key.asset, key.partition, is_young=True).advance(
                key, by=by, why=why, run=run, details=details
            )
        return self._branch_log(key.asset, key.partition).advance(key, by=by, why=why, run=run)

    def verify(self, key: VersionKey, whole: set[str] | None = None) -> list[StoreError]:
        """Read a version's manifest and all its files again, in the store. What is wrong with them; empty if all is whole.

        Args:
            whole: digests found whole before: not read again, and added to. Versions share most of their bytes.
        """
        whole, there = set() if whole is None else whole, self.without_copies()
        try:
            manifest = there.manifest(key)
        except StoreError as error:
            return [error]
        read = partial(Blobs(self.backend).read, of=str(key))
        parts: dict[str, Callable[[], Any]] = {file.digest: partial(read, file) for file in manifest.content.files}
        if manifest.environment is not None:
            parts[manifest.environment] = partial(there.environment, manifest.environment)
        found = {part: _problem(parts[part]) for part in parts.keys() - whole}
        whole |= {part for part, error in found.items() if error is None}
        return [found[part] for part in parts if found.get(part) is not None]  # type: ignore[misc]  # none is None

    def versions(self, asset: str, partition: str | EllipsisType | None = ...) -> list[VersionKey]:
        """Versions of an asset, of one partition (None: it has none) or of all, rejected ones included."""
        return catalog.version_keys(self._opened(writing=False), asset, partition)

    def assets(self) -> list[str]:
        """Assets that have versions, sorted."""
        return sorted({key.asset for key in catalog.version_keys(self._opened(writing=False))})

    def partitions(self, asset: str) -> list[str | None]:
        """Partitions of an asset that have versions, sorted; None stands for having no partitions."""
        return sorted({key.partition for key in self.versions(asset)}, key=lambda name: (name is not None, name or ""))

    def find(self, prefix: str, asset: str | None = None, partition: str | None = None) -> VersionKey:
        """The one version that starts with ``prefix`` (4 digits or more), of any asset and partition unless given.

        Raises:
            UnknownVersion, AmbiguousVersion: if there is none, or more than one.
        """
        return catalog.find(self._opened(writing=False), prefix, asset, partition)

    # ------------------------------------------------------------ refs

    def head(self, asset: str, partition: str | None) -> RefEntry | None:
        """What the branch names for a partition now; where the branch has no entry, what ``main`` names."""
        own, main = self._visible_logs(asset, partition)
        return own.head() or (main.head() if main else None)

    def heads(self, asset: str, partitions: Iterable[str | None]) -> dict[str | None, RefEntry]:
        """As ``head``, of several partitions, which are asked for together; those for which nothing is named are left out."""
        keys = list(partitions)
        found = self._heads(self.branch, asset, keys)
        lacking = [key for key in keys if key not in found] if self.branch != MAIN else []
        return {**found, **self._heads(MAIN, asset, lacking)}

    def _heads(self, branch: str, asset: str, keys: Sequence[str | None]) -> dict[str | None, RefEntry]:
        self._opened(writing=False)
        entries = heads([self._branch_log(asset, key, branch) for key in keys], refs_folder(branch, asset))
        return {key: entry for key, entry in zip(keys, entries, strict=True) if entry is not None}

    def log(self, asset: str, partition: str | None) -> list[RefEntry]:
        """All entries of the ref that ``head`` is the newest of, oldest first."""
        own, main = self._visible_logs(asset, partition)
        return own.entries() or (main.entries() if main else [])

    def full_log(self, asset: str, partition: str | None) -> list[RefEntry]:
        """All that happened to a ref, oldest first; on a branch: the entries of ``main``, then the branch's own."""
        own, main = self._visible_logs(asset, partition)
        return [*(main.entries() if main else []), *own.entries()]

    def own_log(self, asset: str, partition: str | None) -> list[RefEntry]:
        """The branch's own entries of a ref, oldest first, without those of ``main``."""
        return self._visible_logs(asset, partition)[0].entries()

    def named(self, asset: str) -> list[str | None]:
        """Partitions of an asset for which the branch, or ``main``, names something, sorted; a ledger's lines, too."""
        branches = dict.fromkeys((self.branch, MAIN))
        backend, folders = self._opened(writing=False), [refs_folder(branch, asset) for branch in branches]
        entries = (key.removeprefix(folder)[1:].split("/") for folder in folders for key in backend.list(folder))
        found = {names[0] for names in entries if len(names) > 1}
        return sorted(map(partition_name, found), key=lambda name: (name is not None, name or ""))

    def branches(self) -> list[str]:
        """The branches that have refs, sorted as their keys are: a question for each."""
        return [unescape(segment) for segment in catalog.names_in(self._opened(writing=False), "refs")]

    def groups(self) -> list[str]:
        """The first parts of the names of all assets that the branch names, sorted: a question for each."""
        return sorted(map(asset_name, catalog.names_in(self._opened(writing=False), branch_folder(self.branch))))

    def move(
        self,
        asset: str,
        partition: str | None,
        target: VersionKey,
        *,
        expected: int,
        why: str,
        run: str | None = None,
        details: Mapping[str, Json] | None = None,
        by: str | None = None,
    ) -> RefEntry:
        """Let this branch's ref name ``target``, provided that its newest entry is still number ``expected`` (0: it has none).

        Raises:
            RefMoved: if it is not; nothing was changed.
            UnknownVersion: if there is no such version.
            Rejected: if a blocking check of it failed.
            Collected: if its content is deleted; what lies in the trash is brought back.
        """
        manifest = self.manifest(target)
        _refuse_rejected(target, manifest)
        bring_back(self._opened(writing=True), manifest.content.files, str(target))
        log = self._branch_log(asset, partition)
        return log.append(expected, target, by=by or self.user, why=why, run=run, details=details or {})

    def made_by_run(self, run: str, asset: str, partition: str | None) -> VersionKey | None:
        """What a run made for a partition; read first inside the run, so that it never mixes with another's."""
        return self.all_made_by_run(run, asset, [partition]).get(partition)

    def all_made_by_run(self, run: str, asset: str, partitions: Iterable[str | None]) -> dict[str | None, VersionKey]:
        """As ``made_by_run``, of several partitions, which are asked for together; without those it made nothing for."""
        self._opened(writing=False)
        keys = list(partitions)
        entries = heads([self._run_log(run, asset, key) for key in keys], runs_folder(run, asset))
        return {key: entry.target for key, entry in zip(keys, entries, strict=True) if entry is not None}

    # ------------------------------------------------------------ surroundings and code

    def put_environment(self, environment: Mapping[str, Json]) -> str:
        """Store what surrounded a computation (Python, packages, machine), once; its digest goes into manifests."""
        return self._documents(writing=True).put(environment_key, plain(environment))

    def environment(self, found_by: str) -> Mapping[str, Json]:
        """What surrounded a computation.

        Raises:
            UnknownVersion, CorruptBlob: if it is not stored, or was changed.
        """
        return self._documents().get(environment_key, found_by, "environment")

    def put_code(self, parts: Mapping[str, str]) -> str:
        """Store the parts of a computation's code (``module:name`` -> text), once; their digest is the code version."""
        return self._documents(writing=True).put(code_key, dict(parts))

    def code(self, version: str) -> Mapping[str, str]:
        """The parts of a code version.

        Raises:
            UnknownVersion, CorruptBlob: if they are not stored, or were changed.
        """
        return _texts(self._documents().get(code_key, version, "code"), f"The code {version[:12]}")

    def put_source(self, files: Mapping[str, bytes]) -> str:
        """Store source files (path -> bytes), each once; the digest of their list goes into manifests."""
        listed, documents = {path: digest(data) for path, data in files.items()}, self._documents(writing=True)
        if not documents.has(source_key, listed):
            blobs = self._blobs(writing=True)
            side_by_side(lambda item: blobs.write(*item), files.items(), WRITERS)
        return documents.put(source_key, listed)

    def source(self, listed_as: str) -> dict[str, bytes]:
        """Source files, verified.

        Raises:
            UnknownVersion, MissingBlob, CorruptBlob: if something is not stored, or was changed.
            UnreadableContent: if a path leads out of the folder that they are to be written to.
        """
        listed = self.source_files(listed_as)
        read = partial(self._blobs().read, of=f"source {listed_as[:12]}")
        files = [File(path, blob, 0) for path, blob in listed.items()]
        return dict(zip(listed, side_by_side(read, files), strict=True))

    def source_files(self, listed_as: str) -> Mapping[str, str]:
        """The paths of source files, each with the digest of its bytes; these are not read. Errors as of ``source``."""
        listed = _texts(self._documents().get(source_key, listed_as, "source"), f"The source {listed_as[:12]}")
        odd = [path for path, found in listed.items() if not is_inside(path) or not is_digest(found)]
        if odd:
            raise UnreadableContent(
                f"The source {listed_as[:12]} names {odd[0]!r}, which lies outside or is no blob. Do not run it."
            )
        return listed

    # ------------------------------------------------------------ computations

    def remember(self, computation: str, made: VersionKey | str, *, replace: bool = False) -> VersionKey | None:
        """Let a computation key stand for the version it made (a str: why it made nothing), for everybody, from now on.

        Returns:
            The version it stands for: another's, if that was remembered first; None for nothing.
        Args:
            replace: what was remembered is damaged or no longer wanted.
        """
        fact = {"skipped": made} if isinstance(made, str) else {"version": plain(made)}
        kept = self._computations(writing=True).remember(computation, fact, replace=replace)
        return VersionKey(**kept["version"]) if "version" in kept else None

    def recall(self, computation: str) -> Remembered | None:
        """What is remembered of a computation, and whether it is whole; None if nothing is. No value is loaded."""
        computations = self._computations()
        fact, since = computations.recall(computation)
        if fact is None:
            return None
        if "skipped" in fact:
            return Remembered(skipped=str(fact["skipped"]))
        version = VersionKey(**fact["version"])
        try:
            manifest = self.manifest(version)
        except StoreError as error:
            return Remembered(version, damage=f"its manifest cannot be read ({type(error).__name__})")
        made_by = manifest.code.get("computation", {}).get("key")
        damage = "its manifest is that of another computation" if made_by != computation else ""
        return Remembered(version, manifest, damage=damage or computations.damage(version, manifest, since))

    def put_trace(self, computation: str, landed: Mapping[str, Trace]) -> None:
        """Remember which landed files a computation read, by a key of all the rest."""
        self._computations(writing=True).put_trace(computation, landed)

    def trace(self, computation: str) -> dict[str, Trace] | None:
        """Which landed files such a computation read when it was last done; None if that is not known."""
        return self._computations().trace(computation)

    def checkpoints(self, computation: str) -> CheckpointLog:
        """The states of a computation in flight, by its key."""
        return CheckpointLog(self._opened(writing=True), computation)

    # ------------------------------------------------------------ retention

    def gone(self) -> Mapping[VersionKey, Gone]:
        """The versions whose content was collected, see collection.py; that of some may have been made again."""
        return Collections(self._opened(writing=False)).gone()

    def has_content(self, key: VersionKey) -> bool:
        """Whether the bytes of a version are there, unread; also if they lie in the trash."""
        backend = self._opened(writing=False)
        files = self.manifest(key).content.files
        return all(is_there(backend, file.digest) for file in files)

    def restore(self, content: Content, source: Store) -> None:
        """Write the bytes of a content as another store has them: those that this one had."""
        blobs = self._blobs(writing=True)
        side_by_side(lambda file: blobs.write(file.path, source.read(file)), content.files, WRITERS)

    def hold(self, content: Content) -> Content:
        """Let a content that no version names never be collected."""
        self._documents(writing=True).put(held_key, content.to_json())
        return content

    def held(self) -> list[Content]:
        """What is held.

        Raises:
            CorruptBlob: if that cannot be told of one.
        """
        documents = self._documents()
        listed = [key.rpartition("/")[2].removesuffix(".json") for key in documents.backend.list("held")]

        def read(found: str) -> Content:
            with as_written(f"{self.url}/{held_key(found)}"):
                return Content.from_json(documents.get(held_key, found, "held content"))

        return side_by_side(read, listed)

    # ------------------------------------------------------------ inside

    def _opened(self, *, writing: bool) -> Backend:
        """The backend, once it is known to hold a store we can read, or may be made one."""
        if not self._is_known_good:
            exists = probe.is_store(self.backend)
            if writing and not exists:
                probe.make_store(self.backend)
            self._is_known_good = exists or writing
        return self.backend

    def _documents(self, *, writing: bool = False) -> Documents:
        return Documents(self._opened(writing=writing), self._documents_known, self.copies)

    def _blobs(self, *, writing: bool = False) -> Blobs:
        return Blobs(self._opened(writing=writing), self.copies)

    def _computations(self, *, writing: bool = False) -> Computations:
        return Computations(self._opened(writing=writing), self.copies)

    def _branch_log(self, asset: str, partition: str | None, branch: str | None = None) -> RefLog:
        branch = branch or self.branch
        name = f"The ref of {described(asset, partition)} on {branch}"
        below = None if branch == MAIN else self._branch_log(asset, partition, MAIN)
        return RefLog(self.backend, ref_folder(branch, asset, partition), name, self.copies, self._ends, below=below)

    def _visible_logs(self, asset: str, partition: str | None) -> tuple[RefLog, RefLog | None]:
        """The branch's log, and that of ``main``, which shows where the branch has no entries."""
        self._opened(writing=False)
        own = self._branch_log(asset, partition)
        return own, own.below

    def _run_log(self, run: str, asset: str, partition: str | None, *, is_young: bool = False) -> RefLog:
        name = f"The ref of {described(asset, partition)} in run {run}"
        return RefLog(self.backend, run_folder(run, asset, partition), name, self.copies, self._ends, is_young)


def open_store(url: str, *, branch: str = MAIN, user: str = "unknown") -> Store:
    """The store at a local path, ``memory://``, ``s3://bucket/prefix``, ``gs://…`` or ``az://…``.

    Nothing is contacted yet; the first write makes the store if there is none, reading never does.
    """
    return Store(open_backend(url), branch=branch, user=user)


def _refuse_rejected(key: VersionKey, manifest: Manifest) -> None:
    if manifest.rejected:
        raise Rejected(f"{key} failed a blocking check: no ref may name it. Choose another version.")


def _texts(document: Mapping[str, Json], what: str) -> dict[str, str]:
    with as_written(what):
        odd = [name for name, text in document.items() if not isinstance(text, str)]
        if odd:
            raise TypeError(f"{odd[0]!r} is a {type(document[odd[0]]).__name__}")
        return dict(document)


def _size(part: bytes | Path) -> int:
    return len(part) if isinstance(part, bytes) else part.stat().st_size


def _problem(read: Callable[[], Any]) -> StoreError | None:
    try:
        read()
    except StoreError as error:
        return error
    return None
