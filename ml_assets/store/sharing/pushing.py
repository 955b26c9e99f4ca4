"""Sharing what one has made: versions are copied to another store, and a branch there names them. ``main`` never moves by it.

    looked    what the other store lacks, of what a version is and of all that it was made from, before anything is sent
    sent      for each version, those it was made from first: blobs, environment, code, source, then its manifest
    named     the branch's log there gets an entry that says where ``main`` was, so that it can be merged

In this order, so that a manifest in the other store means that all below it is there: nothing is looked for behind one, a push
that breaks off goes on where it was, and the same push again sends nothing. What is read here is verified; what was sent is held
against the stamp that the server gives it, or read back where that says nothing of the bytes.

What was computed is not remembered there: results of somebody's laptop are used again by others once they are merged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ml_assets.errors import CorruptBlob, RefMoved, Refused, UnknownVersion
from ml_assets.store import probe
from ml_assets.store.blobs import Blobs
from ml_assets.store.content import File
from ml_assets.store.copies import is_stamp_of
from ml_assets.store.documents import Documents
from ml_assets.store.keys import VersionKey, blob_key, described, source_key, version_key
from ml_assets.store.logs.refs import BEGAN_FROM, RefEntry
from ml_assets.store.manifest import Manifest
from ml_assets.store.sharing.branches import Difference
from ml_assets.store.store import MAIN, WRITERS, Store
from ml_assets.store.together import side_by_side

PUSHED = "pushed"
"""In details of an entry of the other store's branch: who shared it."""
IN_MEMORY = 32 << 20  # bytes of a file; larger ones are copied through the disk


@dataclass(frozen=True)
class Parcel:
    """What the other store lacks, and how its branch is to move.

    Attributes:
        manifests: of versions it has not, those others were made from first.
        files: what they consist of that it has not.
        gone: versions that these were made from, which are no longer here: they stay explained, and cannot be reproduced.
        named: the refs that are to move there.
    """

    manifests: Sequence[Manifest] = ()
    files: Sequence[File] = ()
    gone: Sequence[VersionKey] = ()
    named: Sequence[Difference] = ()

    @property
    def size(self) -> int:
        """Bytes that are to be sent: of values, sources and manifests."""
        return sum(file.size for file in self.files) + sum(len(one.to_bytes()) for one in self.manifests)


@dataclass(frozen=True)
class Push:
    """From one store to a branch of another.

    Attributes:
        to: the other store, on the branch.
        same_main: its ``main`` is the one that this store's branches begin from.
    """

    store: Store
    to: Store
    same_main: bool

    def look(self, shared: Sequence[Difference]) -> Parcel:
        """What there is to do, before anything is sent.

        Raises:
            Refused: if the branch is ``main``.
            UnknownVersion: if there is no store to push to.
            RefMoved: if somebody else has moved the branch there.
        """
        if self.to.branch == MAIN:
            raise Refused("main moves by ml-assets merge, where it is. Nothing was sent. Push to another branch.")
        if not probe.is_store(self.to.backend):
            raise UnknownVersion(f"There is no store at {self.to.url}. Nothing was sent. Is the address right?")
        named = [one for one, is_new in zip(shared, side_by_side(self._is_new, shared), strict=True) if is_new]
        lacking = _Lacking(self.store, self.to)
        for one in named:
            lacking.add(one.entry.target)
        return Parcel(lacking.manifests, self._files(lacking.manifests), lacking.gone, named)

    def send(self, parcel: Parcel, sent: Callable[[int], None]) -> list[RefEntry]:
        """Copy, and then name; the new entries of the branch.

        Args:
            sent: hears of bytes as they are there.
        Raises:
            CorruptBlob: if something does not arrive as it was sent.
            RefMoved: if somebody moves the branch meanwhile: what was copied stays, and is not copied again.
        """
        lacking = {file.digest: file for file in parcel.files}
        for manifest in parcel.manifests:
            source = manifest.code.get("source")
            parts = [*manifest.content.files, *(self._listed(source) if source else [])]
            files = [lacking.pop(file.digest) for file in parts if file.digest in lacking]
            side_by_side(lambda file: self._send(file, sent), files, WRITERS)
            self._describe(manifest)
            sent(len(manifest.to_bytes()))
        return [self._name(one) for one in parcel.named]

    def _is_new(self, one: Difference) -> bool:
        """Whether the branch there is to move."""
        main = self.to.on(MAIN).head(one.asset, one.partition)
        theirs = self._theirs(one)
        if one.entry.target == (theirs.target if theirs else main.target if main else None):
            return False
        if theirs and theirs.target not in {entry.target for entry in one.own}:
            raise RefMoved(
                f"{described(one.asset, one.partition)} on branch {self.to.branch} of {self.to.url} is {theirs.target.short} by "
                f"{theirs.by} since {theirs.at[:16]}, which this store's branch never named. Nothing was sent. Choose another: "
                "ml-assets push --as-branch NAME"
            )
        return True

    def _theirs(self, one: Difference) -> RefEntry | None:
        return next(reversed(self.to.own_log(one.asset, one.partition)), None)

    def _files(self, manifests: Sequence[Manifest]) -> list[File]:
        """Those that the other store has not."""
        sources = {str(one.code["source"]) for one in manifests if one.code.get("source")}
        parts = [file for one in manifests for file in one.content.files]
        parts += [
            file for source in sorted(sources) if self._lacks(source_key(source)) for file in self._listed(source)
        ]
        every = [*{file.digest: file for file in parts}.values()]
        lacks = side_by_side(lambda file: self._lacks(blob_key(file.digest)), every)
        return [self._measured(file) for file, is_lacking in zip(every, lacks, strict=True) if is_lacking]

    def _lacks(self, key: str) -> bool:
        return self.to.backend.entry(key) is None

    def _listed(self, source: str) -> list[File]:
        return [File(path, digest, 0) for path, digest in self.store.source_files(source).items()]

    def _measured(self, file: File) -> File:
        """With its size, which a list of source files does not say."""
        entry = None if file.size else self.store.backend.entry(blob_key(file.digest))
        return replace(file, size=entry.size) if entry else file

    def _send(self, file: File, sent: Callable[[int], None]) -> None:
        here, there = Blobs(self.store.backend, self.store.copies), Blobs(self.to.backend)
        if file.size <= IN_MEMORY:
            data = here.read(file)
            there.write(file.path, data)
            self._check(file, data)
        else:
            with TemporaryDirectory(prefix="ml_assets-push-") as folder:
                copy = Path(folder) / "blob"
                here.copy(file, copy)
                there.write(file.path, copy)
            there.check(file)
        sent(file.size)

    def _check(self, file: File, data: bytes) -> None:
        entry = self.to.backend.entry(blob_key(file.digest))
        if entry is None or not is_stamp_of(entry.stamp, data):
            Blobs(self.to.backend).check(file)

    def _describe(self, manifest: Manifest) -> None:
        """What a version was computed in and by, and then what it is."""
        computation, source = manifest.code.get("computation") or {}, manifest.code.get("source")
        if manifest.environment is not None:
            self.to.put_environment(self.store.environment(manifest.environment))
        if computation.get("code"):
            self.to.put_code(self.store.code(computation["code"]))
        if source and self._lacks(source_key(source)):  # whose blobs are there
            Documents(self.to.backend).put(source_key, dict(self.store.source_files(source)))
        if self.to.manifest(self.to.commit(manifest)) != manifest:
            raise CorruptBlob(
                f"{manifest.key} reads back from {self.to.url} as another. Look at that store before you go on."
            )

    def _name(self, one: Difference) -> RefEntry:
        theirs, began = self._theirs(one), one.began if self.same_main else None
        return self.to.move(
            one.asset,
            one.partition,
            one.entry.target,
            expected=theirs.n if theirs else 0,
            by=one.entry.by,
            why=one.entry.why,
            details={PUSHED: {"by": self.to.user}, **({} if began is None else {BEGAN_FROM: began})},
        )


@dataclass(frozen=True)
class _Lacking:
    """Versions that the other store has not, those that others were made from first."""

    store: Store
    to: Store
    manifests: list[Manifest] = field(default_factory=list)
    gone: list[VersionKey] = field(default_factory=list)
    looked: set[VersionKey] = field(default_factory=set)

    def add(self, key: VersionKey) -> None:
        """A version, which must be here, and all that it was made from."""
        waiting = [(key, False)]
        while waiting:
            at, is_below_done = waiting.pop()
            if is_below_done:
                self.manifests.append(self.store.manifest(at))
            elif at not in self.looked:
                self.looked.add(at)
                waiting += self._below(at, must_be_here=at == key)

    def _below(self, key: VersionKey, *, must_be_here: bool) -> list[tuple[VersionKey, bool]]:
        """What is to be looked at next: what a version was made from, and then again itself; nothing if it is there."""
        if self.to.backend.entry(version_key(key)) is not None:
            return []
        try:
            manifest = self.store.manifest(key)
        except UnknownVersion:
            if must_be_here:
                raise
            self.gone.append(key)
            return []
        return [(key, True), *((read.key, False) for read in manifest.inputs)]
