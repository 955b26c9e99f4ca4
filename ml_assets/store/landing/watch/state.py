"""What a watch knows between two looks: small, plain JSON; and how it is put away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ml_assets.store.canonical import Json, canonical, plain
from ml_assets.store.content import Content
from ml_assets.store.landing.watch.index import Index
from ml_assets.store.store import Store

FORMAT = 1
SHORTEST_SECONDS = 30.0  # between two full looks
REST = 20.0  # times what listing everything takes is how long it is not done again
LARGEST = 16_000  # bytes that a watch may have; what is more goes into the store


@dataclass(frozen=True)
class Watch:
    """What was seen of the files below a prefix.

    Attributes:
        scope: digest of the prefix and the patterns it is about; of another it is of no use.
        after: pattern -> name that a quick look lists after; the names behind it are all in ``recent``.
        recent: name -> stamp of what was found and is not in the index (yet), or will be listed again.
        unsettled: name -> stamp, and since when (seconds since 1970) it has been this one: files that are perhaps being written.
        present: the files for all partitions that are there.
        held: partitions with new files that are told of once no file for all partitions is being written.
        index: where everything else that was found is.
        listed: when everything was last listed, seconds since 1970; negative if it never was.
        listing_seconds: how long that took.
        receipts: of messages whose files this watch knows of: to be deleted once it is kept.
        elsewhere: the whole of it, where it is too large.
    """

    scope: str = ""
    after: Mapping[str, str] = field(default_factory=dict)
    recent: Mapping[str, str] = field(default_factory=dict)
    unsettled: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    present: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    index: Index = ()
    listed: float = -1
    listing_seconds: float = 0
    receipts: tuple[str, ...] = ()
    elsewhere: Content | None = None

    def is_due(self, now: float) -> bool:
        """Whether it is time to list everything again; also if the clock was set back."""
        rested = not 0 <= now - self.listed < max(SHORTEST_SECONDS, REST * self.listing_seconds)
        return self.listed < 0 or rested

    def to_json(self) -> Json:
        """Plain JSON; what has its default is left out."""
        empty = plain(Watch())
        fields = {name: value for name, value in plain(self).items() if value != empty[name]}
        return {"format": FORMAT, **fields}

    @classmethod
    def from_json(cls, data: Json) -> Watch:
        """The inverse; a new watch for anything else, also for what another version wrote."""
        try:
            fields = dict(data)
            return _typed(**fields) if fields.pop("format") == FORMAT else cls()
        except (KeyError, TypeError, ValueError, AttributeError):
            return cls()


def put_away(store: Store, watch: Watch) -> Watch:
    """The watch, or, if it is large (thousands of files in a minute), one that says where in the store it is."""
    data = replace(watch, receipts=()).to_json()
    if len(canonical(data)) <= LARGEST:
        return watch
    return Watch(watch.scope, receipts=watch.receipts, elsewhere=store.hold(store.put(data)))


def taken_out(store: Store, watch: Watch) -> Watch:
    """The inverse.

    Raises:
        MissingBlob, CorruptBlob, UnreadableContent: if the store lost it.
    """
    return watch if watch.elsewhere is None else Watch.from_json(store.get(watch.elsewhere, of="the watch"))


def _typed(index: Any = (), elsewhere: Any = None, unsettled: Any = (), **fields: Any) -> Watch:
    """A watch from the plain values of its fields.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: if they are not such.
    """
    watch = Watch(
        index=tuple(Content.from_json(piece) for piece in index),
        elsewhere=None if elsewhere is None else Content.from_json(elsewhere),
        unsettled={str(name): (str(stamp), float(since)) for name, (stamp, since) in dict(unsettled).items()},
        **fields,
    )
    return replace(
        watch,
        scope=str(watch.scope),
        present=tuple(map(str, watch.present)),
        held=tuple(map(str, watch.held)),
        receipts=tuple(map(str, watch.receipts)),
        after={str(pattern): str(name) for pattern, name in dict(watch.after).items()},
        recent={str(name): str(stamp) for name, stamp in dict(watch.recent).items()},
        listed=float(watch.listed),
        listing_seconds=float(watch.listing_seconds),
    )
