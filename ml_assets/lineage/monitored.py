"""What monitoring found of the partitions of a problem: their manifests hold it, in a note each."""

from __future__ import annotations

from collections.abc import Iterable

from ml_assets.assets import noun_that
from ml_assets.computation.answered import Looks
from ml_assets.lineage.reading import manifests
from ml_assets.monitoring.finding import FINDING, Finding
from ml_assets.monitoring.report import Report
from ml_assets.store import Store, VersionKey


def monitored(store: Store, problem: str, partitions: Iterable[str | None] | None = None) -> dict[VersionKey, Finding]:
    """What the branch's versions of ``monitoring`` found, partition after partition; those of which nothing was served left out.

    Args:
        partitions: of these alone.
    """
    asset = f"{problem}/{noun_that('watches')}"
    heads = store.heads(asset, store.partitions(asset) if partitions is None else partitions)
    made = manifests(store, [entry.target for entry in heads.values()])
    found = {key: Finding.from_json(told) for key, manifest in made.items() if (told := manifest.notes.get(FINDING))}
    return dict(sorted(found.items(), key=lambda pair: pair[1].partition))


def seen_live(store: Store, problem: str, partitions: Iterable[str], model: VersionKey) -> dict[VersionKey, Finding]:
    """What the last live look at each partition found of a model, by the first look at it: that stays while looks follow."""
    logs = {partition: Looks(store, problem, partition).of_model(model) for partition in partitions}
    looks = {entries[-1].target: entries[0].target for entries in logs.values() if entries}
    made = manifests(store, looks)
    return {looks[key]: Finding.from_json(manifest.notes[FINDING]) for key, manifest in made.items()}


def report_of(store: Store, key: VersionKey) -> Report:
    """All that was found, of one version.

    Raises:
        MissingBlob, CorruptBlob: if it is gone or changed.
    """
    return Report.from_json(store.field(store.manifest(key).content, "report", of=str(key)))
