"""What came of the decisions of a problem, of all partitions that were audited: their manifests hold it."""

from __future__ import annotations

from ml_assets.assets import noun_that
from ml_assets.evaluation.audit import OUTCOMES, Outcome
from ml_assets.lineage.reading import manifests
from ml_assets.store import Store


def audited(store: Store, problem: str) -> list[Outcome]:
    """The outcomes of a problem's decisions, partition after partition, as the branch names the audits now."""
    asset = f"{problem}/{noun_that('audits')}"
    heads = store.heads(asset, store.partitions(asset))
    made = manifests(store, [entry.target for entry in heads.values()])
    return [Outcome.from_json(told) for manifest in made.values() for told in manifest.notes.get(OUTCOMES, [])]
