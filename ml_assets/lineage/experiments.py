"""What a branch made that is not main's: each partition's judged model, beside the one that main names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_assets.assets import noun_that
from ml_assets.lineage.history import why
from ml_assets.lineage.judged import EVALUATION, MODEL
from ml_assets.lineage.report import most_important_first
from ml_assets.store import MAIN, Store, VersionKey

SPLIT = noun_that("divides")


@dataclass(frozen=True)
class Judged:
    """A model and its numbers.

    Attributes:
        metrics: name -> value, low, high, baseline; most important first.
        why: the sentence that says why the model was computed: what it changed.
        judged_on: the digest of the split whose test rows judged it.
    """

    evaluation: VersionKey
    model: VersionKey
    metrics: Mapping[str, Any]
    why: str
    judged_on: str


@dataclass(frozen=True)
class Experiment:
    """One partition; ``mains`` is None where main has judged no model of it."""

    partition: str | None
    branchs: Judged
    mains: Judged | None

    @property
    def on_the_same_rows(self) -> bool:
        """Whether the numbers can be held against each other."""
        return self.mains is not None and self.mains.judged_on == self.branchs.judged_on


def experiments(store: Store, problem: str) -> list[Experiment]:
    """The partitions of which the branch names another evaluation than main, newest first; on main there are none."""
    if store.branch == MAIN:
        return []
    asset = f"{problem}/{EVALUATION}"
    partitions = list(dict.fromkeys(key.partition for key in store.versions(asset)))
    here, there = (
        {at: entry.target for at, entry in of.heads(asset, partitions).items()} for of in (store, store.on(MAIN))
    )
    changed = sorted((at for at in here if here[at] != there.get(at)), key=str, reverse=True)
    return [
        Experiment(at, _judged(store, here[at]), _judged(store, there[at]) if at in there else None) for at in changed
    ]


def _judged(store: Store, evaluation: VersionKey) -> Judged:
    manifest = store.manifest(evaluation)
    read = {one.name: one for one in manifest.inputs}
    model = read[MODEL].key
    said = why(store.manifest(model))
    return Judged(evaluation, model, most_important_first(manifest), said, read[SPLIT].digest)
