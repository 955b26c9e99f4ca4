"""Versions that no ref names: what is made on the way to an asset, found again by what it was made of."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg

from ml_assets.computation.git import identity_of
from ml_assets.computation.reuse import Question
from ml_assets.orchestration.io_manager import IO_MANAGER, Made, StoreIOManager
from ml_assets.orchestration.step import FRESH_TAG, store_of
from ml_assets.store import Handle, VersionKey


def remember(
    context: dg.AssetExecutionContext, asked: Question, made: Made, split: Handle, *, replaces: bool = False
) -> VersionKey:
    """Store what answers a question, so that whoever asks the same finds it; the version that is found.

    Args:
        made: its value in the store.
        split: what it was made from, with the features that the split was made of.
        replaces: what is remembered, if anything is, is another answer.
    """
    store, base = store_of(context), asked.base
    manager: StoreIOManager = getattr(context.resources, IO_MANAGER)
    whole = replace(
        made,
        made_of=base,
        source=asked.recipe.store_source(store),
        commit=identity_of(asked.recipe.problem),
        params=base.params,
        seed=base.seed,
    )
    read = [Handle(store, split.key, "split"), *split.inputs("features")]
    manifest = manager.manifest_of(whole, base.asset, base.partition, read, context.run.run_id)
    before = store.recall(base.key)
    is_damaged = before is not None and bool(before.damage)
    made_now = store.commit(manifest)
    return (
        store.remember(base.key, made_now, replace=replaces or FRESH_TAG in context.run.tags or is_damaged) or made_now
    )
