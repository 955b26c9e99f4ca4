"""How people name versions, and which exact version they mean.

flight_delays/model@2013-06          what the branch names for that partition
flight_delays/model@2013-06:9c22     that version of it, by the first digits
flight_delays/champion               the model that is champion now
flight_delays/champion@2013-06       the decision that was made for that partition
arrival_minutes/champion@EWR         the model that is champion now of this line of partitions
9c22ab                               any version, by its first digits (at least four)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ml_assets.assets import noun_that
from ml_assets.errors import UnknownVersion, UsageError
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Store, VersionKey

_PREFIX = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True)
class Reference:
    """A parsed reference; what was not given is None."""

    asset: str | None
    partition: str | None
    prefix: str | None


def parse(text: str) -> Reference:
    """Take a reference apart.

    Raises:
        UsageError: if it is none.
    """
    if _PREFIX.fullmatch(text):
        return Reference(None, None, text)
    name, _, prefix = text.rpartition(":") if ":" in text else (text, "", "")
    asset, _, partition = name.partition("@")
    if asset.count("/") != 1 or not all(asset.split("/")) or (prefix and not _PREFIX.fullmatch(prefix)):
        raise UsageError(
            f"{text!r} names no version. Write problem/asset@partition (flight_delays/model@2013-06), "
            "problem/champion, or at least four digits of a version (9c22)."
        )
    return Reference(asset, partition or None, prefix or None)


def resolve(store: Store, text: str) -> VersionKey:
    """The exact version that a reference means.

    Raises:
        UnknownVersion, AmbiguousVersion: if it means none or several.
        UsageError: if it is no reference.
    """
    reference = parse(text)
    if reference.asset is None:
        return store.find(reference.prefix or "")
    if reference.prefix is not None:
        return store.find(reference.prefix, reference.asset, reference.partition)
    problem, noun = reference.asset.split("/")
    decided = noun != noun_that("decides") or reference.partition is not None
    entry = store.head(reference.asset, reference.partition) if decided else None
    if entry is not None:
        return entry.target
    serving = Ledger(store, problem, reference.partition).champion() if noun == noun_that("decides") else None
    if serving is None:
        raise unknown(store, reference)
    return serving.model


def unknown(store: Store, reference: Reference) -> UnknownVersion:
    """That a reference to an asset or partition names nothing, and what there is instead."""
    problem = (reference.asset or "").split("/")[0]
    at = f"@{reference.partition}" if reference.partition else ""
    where = f"{reference.asset}{at} names nothing on branch {store.branch}."
    assets = store.assets()
    if reference.asset not in assets:
        known = [asset for asset in assets if asset.startswith(f"{problem}/")] or assets
        there_is = f"Known: {', '.join(known) or 'nothing yet; make something: ml-assets run ' + problem}."
    else:
        known = [str(partition) for partition in store.partitions(reference.asset)]
        name_one = "" if reference.partition else f"Name a partition, as in {reference.asset}@{known[-1]}. "
        if reference.asset == f"{problem}/{noun_that('decides')}":
            name_one += (
                f"That is what was decided for it; who serves: ml-assets champion {problem} --partition {known[-1]}. "
            )
        listed = ", ".join(known)
        there_is = f"{name_one}Its partitions: {listed}. List its versions: ml-assets history {reference.asset}"
    return UnknownVersion(f"{where} {there_is}")
