"""What a store holds, in bytes and money, by asset and by reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from ml_assets.retention.facts import Facts
from ml_assets.retention.plan import Plan
from ml_assets.store import Entry

S3_STANDARD = 0.023
"""Dollars per GiB and month: S3 Standard in us-east-1, the first 50 TB."""
GIB = 2**30
GOES, GONE = "would go", "collected before"
SOURCES, ORPHANS = "sources and watches", "named by nothing"


class Place(NamedTuple):
    """Where bytes belong: an asset, and why they are there."""

    asset: str
    why: str


@dataclass(frozen=True)
class Use:
    """What is there of an asset for one reason. Bytes that several versions share count once, with the first reason to keep them.

    Attributes:
        versions: how many there are; also those whose bytes are counted with others.
        dollars: a month.
    """

    asset: str
    why: str
    versions: int
    files: int
    bytes: int
    dollars: float

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def uses(facts: Facts, plan: Plan, blobs: Mapping[str, Entry], price: float = S3_STANDARD) -> list[Use]:
    """What there is, largest first.

    Args:
        blobs: by digest, what lies in the store.
        price: dollars per GiB and month.
    """
    versions: dict[Place, int] = {}
    first: dict[str, Place] = {digest: Place("", SOURCES) for digest in facts.needed}
    for planned, files in _placed(facts, plan):
        place = planned if all(digest in blobs for digest in files) else Place(planned.asset, GONE)
        versions[place] = versions.get(place, 0) + 1
        for digest in files:
            first.setdefault(digest, place)
    sizes: dict[Place, list[int]] = {place: [] for place in versions}
    for digest, entry in blobs.items():
        sizes.setdefault(first.get(digest, Place("", ORPHANS)), []).append(entry.size)
    found = [_use(place, versions.get(place, 0), own, price) for place, own in sizes.items()]
    return sorted(found, key=lambda use: (-use.bytes, use.asset, use.why))


def _placed(facts: Facts, plan: Plan) -> Iterator[tuple[Place, Iterable[str]]]:
    """Every version, those that are kept first."""
    for key, reason in plan.kept.items():
        yield Place(key.asset, reason.kind), _files(facts, key)
    for key in plan.goes:
        yield Place(key.asset, GOES), _files(facts, key)


def _files(facts: Facts, key: Any) -> list[str]:
    return [digest for digest, _ in facts.versions[key].files]


def _use(place: Place, versions: int, sizes: list[int], price: float) -> Use:
    total = sum(sizes)
    return Use(place.asset, place.why, versions, len(sizes), total, total / GIB * price)
