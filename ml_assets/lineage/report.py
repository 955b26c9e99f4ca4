"""A problem at a glance: one row per partition with its model, how good it is, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ml_assets.assets import noun_that
from ml_assets.errors import UnknownVersion
from ml_assets.lineage.judged import EVALUATION, MODEL
from ml_assets.store import Manifest, Store, VersionKey

DATASET, CHAMPION = noun_that("lands"), noun_that("decides")
SAID = {"promote": "moved", "propose": "proposed", "keep": "kept", "cannot_tell": "cannot tell"}


@dataclass(frozen=True)
class PartitionReport:
    """One partition of a problem.

    Attributes:
        metrics: name -> value, low, high, baseline, of the published evaluation, most important first.
        champion: what was decided, in words.
        why: the decision's reasons.
    """

    partition: str
    model: VersionKey | None
    metrics: Mapping[str, Any]
    champion: str
    why: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def report(store: Store, problem: str) -> list[PartitionReport]:
    """All partitions of a problem for which something is published, in order.

    Raises:
        UnknownVersion: if nothing is.
    """
    partitions = sorted({key.partition for key in store.versions(f"{problem}/{DATASET}") if key.partition is not None})
    rows = [row for row in (_row(store, problem, partition) for partition in partitions) if row is not None]
    if not rows:
        raise UnknownVersion(
            f"Nothing was made for {problem!r} on branch {store.branch}. Make something: ml-assets run {problem} --partition P"
        )
    return rows


def _row(store: Store, problem: str, partition: str) -> PartitionReport | None:
    """The partition's row: the model is the one that was evaluated, or else the one that waits to be."""
    heads = {noun: store.head(f"{problem}/{noun}", partition) for noun in (DATASET, MODEL, EVALUATION, CHAMPION)}
    if not any(heads.values()):
        return _refused(store, problem, partition)
    evaluation, decision = (store.manifest(e.target) if (e := heads[n]) else None for n in (EVALUATION, CHAMPION))
    notes = decision.notes if decision else {}
    judged = [read.key for read in evaluation.inputs if read.name == MODEL] if evaluation else []
    waiting = made.target if (made := heads[MODEL]) else None
    return PartitionReport(
        partition=partition,
        model=judged[0] if judged else waiting,
        metrics=most_important_first(evaluation) if evaluation else {},
        champion=SAID.get(str(notes.get("decision")), "–"),
        why=str(notes.get("why", "")),
    )


def _refused(store: Store, problem: str, partition: str) -> PartitionReport | None:
    """A partition whose every dataset was refused says by which check; None if none was made on this branch."""
    made = [store.manifest(key) for key in store.versions(f"{problem}/{DATASET}", partition)]
    here = sorted((m for m in made if m.rejected and m.branch == store.branch), key=lambda m: m.created_at)
    if not here:
        return None
    check = next(check for check in here[-1].checks if check.blocking and not check.passed)
    return PartitionReport(partition, None, {}, "–", f"The dataset was refused: {check.name}: {check.description}")


def most_important_first(evaluation: Manifest) -> dict[str, Any]:
    """The metrics of an evaluation in the order of the problem, as far as that is recorded."""
    order = evaluation.notes.get("metrics_in_order")
    first = [str(name) for name in order if name in evaluation.metrics] if isinstance(order, list) else []
    return {name: evaluation.metrics[name] for name in [*first, *evaluation.metrics]}
