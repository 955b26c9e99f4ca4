"""The memo: what came of a computation, by its key, so that branches and colleagues never compute it again.

    computations/<key>.json   {"version": {"asset", "partition", "version"}}   this version, or
                              {"skipped": "no outcome is known yet"}           nothing, for this reason
    traces/<key>.json         {"landed": {name: {"digest", "stamp"}}}          which landed files a computation read

Written after the version is whole. What a key remembers is used only while it is whole: the manifest says that it came of
this very computation, and its blobs are there, unchanged since. (A blob that was written after the entry, perhaps restored,
perhaps tampered with, is read and verified; the others are only looked at.) What is damaged counts as not remembered, with
the damage said, and is computed and remembered anew.

A trace says which files a function read, which nobody can know before it ran. Its stamps save reading them again to find
their digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ml_assets.store.backends.backend import DOCUMENT, Backend, create
from ml_assets.store.blobs import streamed_digest
from ml_assets.store.canonical import Json, sealed, unsealed
from ml_assets.store.copies import NO_COPIES, NoCopies, keep_sealed
from ml_assets.store.keys import VersionKey, blob_key, computation_key, trace_key, version_key
from ml_assets.store.manifest import Manifest


@dataclass(frozen=True)
class Remembered:
    """What is known of a computation that was done before.

    Attributes:
        version, manifest: what it made; None if it made nothing.
        skipped: why it made nothing; empty if it made something.
        damage: why that cannot be used again; empty if it can.
    """

    version: VersionKey | None = None
    manifest: Manifest | None = None
    skipped: str = ""
    damage: str = ""


@dataclass(frozen=True)
class Trace:
    """A landed file that a computation read, or looked for in vain.

    Attributes:
        digest: of its bytes; None: it was not there.
        stamp: how the landing folder stamped these bytes; empty if it changed meanwhile.
    """

    digest: str | None
    stamp: str = ""


@dataclass(frozen=True)
class Computations:
    """The ``computations/`` and ``traces/`` of a store, and copies of them."""

    backend: Backend
    copies: NoCopies = NO_COPIES

    def remember(self, key: str, fact: Mapping[str, Json], *, replace: bool) -> Mapping[str, Json]:
        """Let ``key`` stand for a version or for nothing; what it stands for now: of two who race, one is remembered."""
        name, data = computation_key(key), sealed(fact)
        keep_sealed(self.copies, name, data)
        existing = create(self.backend, name, data)
        kept = fact if existing is None else _fact(existing)
        if kept == fact or (kept and not replace):
            return kept
        self.backend.delete(name)
        create(self.backend, name, data)  # who is quicker has replaced it for the same reason
        return fact

    def recall(self, key: str) -> tuple[Mapping[str, Json] | None, float]:
        """The fact, if it can be read, and when it was written (seconds since 1970, by the clock of the store's place)."""
        name = computation_key(key)
        data = self.backend.get(name, DOCUMENT)
        entry = self.backend.entry(name) if data else None
        return (_fact(data) if data and entry else None), entry.modified if entry else 0.0

    def damage(self, version: VersionKey, manifest: Manifest, since: float) -> str:
        """What is wrong in the store with a version that was remembered at ``since``, as a sentence; empty if all is whole.

        Copies of it do not count: what is used again is named again, and others read it from the store.
        """
        named = {version_key(version): (version.version, "manifest")}
        named |= {blob_key(file.digest): (file.digest, file.path) for file in manifest.content.files}
        for key, (expected, what) in named.items():
            entry = self.backend.entry(key)
            if entry is None:
                return f"the bytes of its {what} are gone"
            if entry.modified > since and streamed_digest(self.backend, key) != expected:
                return f"the bytes of its {what} were changed"
        return ""

    def put_trace(self, key: str, landed: Mapping[str, Trace]) -> None:
        """Remember which files a computation read."""
        fact = {"landed": {name: {"digest": t.digest, "stamp": t.stamp} for name, t in landed.items()}}
        name, data = trace_key(key), sealed(fact)
        keep_sealed(self.copies, name, data)
        if create(self.backend, name, data) is not None:
            self.backend.delete(name)
            create(self.backend, name, data)  # who wrote in between read the same files, or will be corrected likewise

    def trace(self, key: str) -> dict[str, Trace] | None:
        """Which files a computation read when it was last done; None if that is not known."""
        data = self.backend.get(trace_key(key), DOCUMENT)
        match unsealed(data) if data else None:
            case {"landed": dict(landed)} if all(map(_is_trace, landed.values())):
                return {name: Trace(**told) for name, told in landed.items()}
        return None


def _fact(data: bytes) -> Mapping[str, Json] | None:
    """What is remembered; None if these are not the bytes that were written, or say something else."""
    fact = unsealed(data)
    match fact:
        case {"skipped": str()}:
            return fact
        case {"version": {"asset": str(), "partition": str() | None, "version": str()} as version} if len(version) == 3:
            return fact
    return None


def _is_trace(told: Json) -> bool:
    match told:
        case {"digest": str() | None, "stamp": str()}:
            return len(told) == 2
    return False
