"""One look at the files below a prefix: gather what is there, compare it with what was seen, remember it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ml_assets.errors import CorruptBlob, MissingBlob, UnreadableContent
from ml_assets.store.backends.listing import Entry
from ml_assets.store.canonical import canonical, digest
from ml_assets.store.landing.folder import LandingFolder
from ml_assets.store.landing.notifications import Queue, Told
from ml_assets.store.landing.watch import index as index_of
from ml_assets.store.landing.watch.files import WHOLE_KEY, Files, Naming, shown
from ml_assets.store.landing.watch.memory import GONE, Compared, remembered
from ml_assets.store.landing.watch.place import Place, Sight
from ml_assets.store.landing.watch.state import Watch, put_away, taken_out
from ml_assets.store.store import Store

SETTLED_SECONDS = 2.0  # a file that was not changed for so long is not being written
EXAMPLES = 3  # ignored names that are shown
LOST = (MissingBlob, CorruptBlob, UnreadableContent)


@dataclass(frozen=True)
class Found:
    """What a look has found.

    Attributes:
        watch: to be kept, and given to the next look.
        partitions: keys of the partitions with a new or changed file, sorted; of all, when a file that serves all appeared.
            A key is whatever stands in a name: whether it is one of the problem's, the caller decides.
        changed: name -> stamp of each file that is new or changed; below the prefix, as in the problem's ``files``.
        ignored: how many files were looked at that are none of the problem's.
        examples: some of their names, to be shown.
        notes: sentences about what went wrong and was put right.
    """

    watch: Watch
    partitions: tuple[str, ...] = ()
    changed: Mapping[str, str] = field(default_factory=dict)
    ignored: int = 0
    examples: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tick:
    """Where, when and by what a look is taken; ``now`` in seconds since 1970."""

    place: Place
    store: Store
    now: float
    told: Told | None


def look(
    landing: LandingFolder,
    prefix: str,
    files: Sequence[str],
    watch: Watch,
    *,
    store: Store,
    now: datetime,
    queue: Queue | None = None,
    naming: Naming = WHOLE_KEY,
) -> Found:
    """See which of a problem's files are new or changed since the look that left ``watch``.

    Args:
        prefix: folder of the problem in the landing folder.
        files: names below it with ``{partition}`` or other places, as in ``Problem.files``.
        naming: what stands in those places; by default a key, whatever it is, in ``{partition}``.
        store: where what does not fit into a watch is kept.
        now: with a time zone.
        queue: is told of landed files; with one a quick look lists nothing.
    Raises:
        StoreUnreachable: if the landing folder, the store or the queue does not answer; nothing is lost, look again.
        InvalidKey: if a name in the folder cannot be listed.
        UsageError: if there is a queue and boto3 is not installed.
    """
    told = None
    if queue is not None:
        queue.done(watch.receipts)  # this watch was kept, or it would not be here
        told = queue.receive(prefix)
    tick = Tick(Place(landing, prefix, Files.of(files, naming)), store, now.timestamp(), told)
    try:
        return _look(tick, watch)
    except LOST as error:
        note = f"What was seen of {landing.backend.url}/{prefix} is lost, so all of it counts as new: {error}"
        found = _look(tick, Watch())
        return replace(found, notes=(note, *found.notes))


def version(
    landing: LandingFolder,
    prefix: str,
    files: Sequence[str],
    partition: str,
    *,
    now: datetime,
    naming: Naming = WHOLE_KEY,
) -> str | None:
    """The version of a partition's files: changes when one of those with its key, or a part of it, in the name does.

    None if one is missing, also of those that serve all partitions, or was written this very moment: ask again later.
    Costs one request per file.
    """
    place = Place(landing, prefix, Files.of(files, naming))
    own = place.files.names(partition)
    entries = place.those([*own, *place.files.fixed])
    if entries.keys() != {*own, *place.files.fixed}:
        return None
    if any(0 <= now.timestamp() - entries[name].modified < SETTLED_SECONDS for name in own):
        return None
    return digest(canonical(sorted([name, entries[name].stamp] for name in own)))


def _look(tick: Tick, kept: Watch) -> Found:
    watch = taken_out(tick.store, kept)
    if watch.scope != tick.place.scope:
        watch = Watch(tick.place.scope)
    if not watch.is_due(tick.now):
        sight = Sight(_gathered(tick.place, watch, tick.told))
        if not _appeared(tick, watch, sight):
            return _compared(tick, watch, sight)
    return _compared(tick, watch, _listed(tick.place))


def _listed(place: Place) -> Sight:
    started = time.perf_counter()
    entries = place.entries()
    return Sight(entries, whole=True, seconds=time.perf_counter() - started)


def _gathered(place: Place, watch: Watch, told: Told | None) -> dict[str, Entry]:
    """What a quick look sees: what sorts after the newest known, or what a queue told of; and what is to be looked at again."""
    found: dict[str, Entry] = {}
    for pattern in place.files.patterns if told is None else ():
        found |= place.entries(pattern.folder, pattern.span(watch.after.get(pattern.text, "")))
    news = {place.whole(name) or name for name in told.names} if told else set()
    names = {*place.files.fixed, *watch.unsettled, *filter(place.files.has, news)}
    return found | place.those(names - found.keys())


def _compared(tick: Tick, watch: Watch, sight: Sight) -> Found:
    """What is new in a sight, and the watch that knows of it."""
    files, told = tick.place.files, tick.told or Told()
    known = _known(tick.store, watch) if sight.whole or told.names else watch.recent
    ours = {name: entry for name, entry in sight.entries.items() if name in known or files.has(name)}
    unsettled = dict(_unsettled(ours, known, watch, tick.now))
    changed = {n: e.stamp for n, e in ours.items() if n not in unsettled and known.get(n) != e.stamp}
    present = _present(files, watch, ours.keys() - unsettled.keys(), ours)
    touched = ours if set(present) - set(watch.present) else changed
    partitions = tuple(sorted({*watch.held, *(key for name in touched for key in files.partitions(name))}))
    is_held = any(name in unsettled for name in files.fixed)
    seen = replace(
        watch,
        recent={**watch.recent, **changed},
        unsettled=unsettled,
        present=present,
        held=partitions if is_held else (),
        listed=tick.now if sight.whole else watch.listed,
        listing_seconds=sight.seconds if sight.whole else watch.listing_seconds,
        receipts=told.receipts,
    )
    stamps = {name: stamp for name in ours if (stamp := changed.get(name, known.get(name))) is not None}
    gone = known.keys() - ours.keys() if sight.whole else set()
    vanished = {name for name in gone if known[name] != GONE} if ours else set()
    seen = remembered(files, seen, Compared(ours, stamps, sight.whole, len(gone), vanished), tick.store)
    foreign = sorted(sight.entries.keys() - ours.keys())
    shown_names = tuple(map(shown, foreign[:EXAMPLES]))
    kept = put_away(tick.store, seen)
    return Found(kept, () if is_held else partitions, changed, len(foreign), shown_names, told.faults)


def _known(store: Store, watch: Watch) -> Mapping[str, str]:
    """Name -> stamp of all that was ever found."""
    return {**index_of.load(store, watch.index), **watch.recent}


def _unsettled(
    ours: Mapping[str, Entry], known: Mapping[str, str], watch: Watch, now: float
) -> Iterator[tuple[str, tuple[str, float]]]:
    """Changed files that are perhaps still being written: not left alone for long enough, by their own clock and by ours."""
    for name, entry in ours.items():
        if known.get(name) == entry.stamp or now - entry.modified >= SETTLED_SECONDS:
            continue
        stamp, since = watch.unsettled.get(name, ("", now))
        since = since if stamp == entry.stamp else now
        if abs(now - since) < SETTLED_SECONDS:
            yield name, (entry.stamp, since)


def _present(files: Files, watch: Watch, settled: Collection[str], ours: Mapping[str, Entry]) -> tuple[str, ...]:
    """The files for all partitions that are there; one that is being written again was."""
    return tuple(n for n in files.fixed if n in settled or (n in ours and n in watch.present))


def _appeared(tick: Tick, watch: Watch, sight: Sight) -> bool:
    """Whether a file that all partitions wait for is there now."""
    unsettled = dict(_unsettled(sight.entries, watch.recent, watch, tick.now))
    settled = sight.entries.keys() - unsettled.keys()
    return bool(set(_present(tick.place.files, watch, settled, sight.entries)) - set(watch.present))
