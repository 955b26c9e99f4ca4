"""Is a version what its manifest says? It is rebuilt from that alone, and what comes out is compared with what was recorded.

    inspection   what it was made from that is no longer there: said before anything runs
    process      the rebuilding, in a process whose code is the recorded source (``orchestration/rebuild.py``)
    difference   where two contents first differ
    verdict      identical, or that difference and the ingredient behind it

The store is only read. What is rebuilt lies in a temporary folder, which is gone at the end. Only ``restored`` writes: what was
collected and comes out the same is put back, byte for byte.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ml_assets.errors import CorruptBlob, Refused, UnreadableContent
from ml_assets.lineage.reproduce.inspection import Inspection
from ml_assets.lineage.reproduce.process import Answer, Environ, Group, Place
from ml_assets.lineage.reproduce.verdict import State, Verdict, judged
from ml_assets.store import LandingFolder, Store, Upstream, VersionKey, open_store

__all__ = ["DAMAGED", "Environ", "State", "Verdict", "reproduce", "restored"]

DAMAGED = (CorruptBlob, UnreadableContent)
"""What a manifest is that cannot be read: it cannot be rebuilt, and others can."""


def reproduce(
    store: Store,
    landing: LandingFolder,
    keys: Sequence[VersionKey],
    environ: Environ,
    *,
    anyway: bool = False,
    keep: Path | None = None,
    puts_back: bool = False,
) -> Generator[Verdict, None, None]:
    """A verdict on each version: first on those that cannot be rebuilt, then as the others are done. Close it to stop.

    Args:
        environ: the variables of a process that imports from a folder, see ``settings.environ_for_code_in``.
        anyway: rebuild also with other packages or another Python than were recorded.
        keep: a folder for the files of what was rebuilt: ``<version>/<file>``.
        puts_back: write what comes out the same into the store, see ``restored``.
    Raises:
        Refused: if the store is in memory, which no other process can read.
        UnknownVersion: if there is no such version.
    """
    for url in (store.url, landing.backend.url):
        if url.startswith("memory://"):
            raise Refused(f"{url} is in the memory of this process, and rebuilding takes another one. Use a folder.")
    inspection = Inspection(store, landing)
    possible: list[VersionKey] = []
    for key in keys:
        try:
            lacks, others = inspection.lacks(key), inspection.others(key)
        except DAMAGED as error:
            yield Verdict(key, "cannot", (f"its manifest: {error}",))
            continue
        if lacks or (others and not anyway):
            yield Verdict(key, "cannot", (*lacks, *others))
        else:
            possible.append(key)
    for group, members in _grouped(inspection, possible).items():
        for url, those in _by_place(store, members).items():
            yield from _Rebuilding(store, landing, inspection, environ, keep, url, puts_back).verdicts(group, those)


def restored(
    store: Store,
    landing: LandingFolder,
    keys: Sequence[VersionKey],
    environ: Environ,
    *,
    anyway: bool = False,
    keep: Path | None = None,
) -> Generator[Verdict, None, None]:
    """As ``reproduce``, of versions and of what was collected of all that they were made of, which comes first.

    What comes out the same, by its digest, is put back where it lay. Collections leave it there for their grace period.
    """
    for key in _after_what_is_gone(store, keys):
        yield from reproduce(store, landing, [key], environ, anyway=anyway, keep=keep, puts_back=True)


def _after_what_is_gone(store: Store, keys: Sequence[VersionKey]) -> list[VersionKey]:
    """These versions, each after the inputs whose content is not there, and theirs."""
    found: dict[VersionKey, None] = {}
    waiting = [(key, False) for key in reversed(keys)]
    while waiting:
        key, is_ready = waiting.pop()
        if is_ready:
            found[key] = None
        elif key not in found:
            gone = [read.key for read in store.manifest(key).inputs if not store.has_content(read.key)]
            waiting += [(key, True), *((one, False) for one in gone)]
    return list(found)


def _grouped(inspection: Inspection, keys: Sequence[VersionKey]) -> dict[Group, list[VersionKey]]:
    groups: dict[Group, list[VersionKey]] = {}
    for key in keys:
        groups.setdefault(inspection.group(key), []).append(key)
    return groups


def _by_place(store: Store, keys: Sequence[VersionKey]) -> dict[str, list[VersionKey]]:
    """Versions by the store that they lie in: code that knew of no upstream finds those of upstream there."""
    upstream = store.backend.base if isinstance(store.backend, Upstream) else None
    places: dict[str, list[VersionKey]] = {}
    for key in keys:
        is_theirs = upstream is not None and key in Store(upstream).versions(key.asset, key.partition)
        places.setdefault(upstream.url if upstream is not None and is_theirs else store.url, []).append(key)
    return places


@dataclass(frozen=True)
class _Rebuilding:
    """Rebuilds the versions of a group one after the other, and compares each with what was recorded."""

    store: Store
    landing: LandingFolder
    inspection: Inspection
    environ: Environ
    keep: Path | None
    url: str
    puts_back: bool

    def verdicts(self, group: Group, keys: Sequence[VersionKey]) -> Iterator[Verdict]:
        """A verdict on each, as it is done."""
        with TemporaryDirectory(prefix="ml_assets-reproduce-") as scratch:
            place = Place(self.url, self.landing.backend.url, Path(scratch))
            started = time.perf_counter()
            with closing(place.rebuild(keys, group, self.inspection.files(group.source), self.environ)) as answers:
                for answer in answers:
                    verdict = self._verdict(answer, place.scratch)
                    yield replace(verdict, seconds=time.perf_counter() - started)
                    started = time.perf_counter()

    def _verdict(self, answer: Answer, scratch: Path) -> Verdict:
        if answer.rebuilt is None:
            return Verdict(answer.key, "cannot", (answer.error,))
        folder = scratch / answer.key.version
        own, key = open_store(str(folder)), replace(answer.key, version=answer.rebuilt)
        verdict = judged(self.store, answer.key, own, key, self.inspection.others(answer.key))
        if self.puts_back and verdict.state == "identical":
            self.store.restore(self.store.manifest(answer.key).content, own)
        if self.keep is not None:
            _keep(own, key, self.keep / answer.key.short)
        shutil.rmtree(folder)
        return verdict


def _keep(store: Store, key: VersionKey, folder: Path) -> None:
    for file in store.manifest(key).content.files:
        (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.path).write_bytes(store.read(file))
