"""champion -> predictions: the rows of a partition, scored by the champion as it was known before the partition began.

Rows are scored whether or not their outcome is known, a batch at a time, so that a year takes the memory of a batch. Each
names the version of its model, which leads on to its code, parameters and data.

A run does not wait for its own training: serving must go on where that is skipped (no outcomes yet) or fails. Where
partitions have no order in time, "before" is the champion of the moment; in one process the training then comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import dagster as dg

from ml_assets.computation.chain import read_of_champion
from ml_assets.evaluation import checks
from ml_assets.evaluation.scored_rows import as_columns, columns_of, refuse_unusable
from ml_assets.orchestration.hearing import commands_heard
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.step import partition_of, store_of
from ml_assets.orchestration.tables import column_schema
from ml_assets.problem import Problem
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import BATCH_ROWS, Handle, Store
from ml_assets.training.model import Unseen, answered_classes, predict

if TYPE_CHECKING:
    import pandas as pd


def predictions(problem: Problem, context: dg.AssetExecutionContext, features: Handle) -> Made:
    """Score the rows of the partition."""
    store = store_of(context)
    partition = partition_of(context)
    champion = Ledger.of(store, problem, partition).champion(before=partition)
    model = Handle(store, champion.model, "champion") if champion else None
    seen, unseen = _Seen(), Unseen()
    with commands_heard(context) as heard:
        content = store.put_batches(seen.passing(scored(problem, store, features, model, unseen=unseen)))
    served = checks.served(partition, str(champion.model), champion.at) if champion else None
    return Made(
        content,
        checks=(served or checks.served(partition, None),),
        notes={
            "rows": seen.rows,
            "model": str(model.key) if model else "none",
            **unseen.note,
            **heard.notes,
        },
        ledger=read_of_champion(champion),
        metadata={"dagster/row_count": seen.rows, **column_schema(seen.columns)},
        inputs=(model,) if model else (),
    )


def scored(
    problem: Problem,
    store: Store,
    features: Handle,
    model: Handle | None,
    *,
    rows: int = BATCH_ROWS,
    unseen: Unseen | None = None,
) -> Iterator[pd.DataFrame]:
    """One row per row of the table: entity, event time, prediction (of each class), model version; no rows without a model.

    Args:
        rows: how many are scored, and held, at a time.
        unseen: counts what the model does not know.
    """
    names = [*dict.fromkeys(name for name in (problem.entity, problem.event_time) if name is not None)]
    content, of = features.manifest.content, str(features.key)
    keys = (batch[names] for batch in store.batches(content, field="keys", rows=rows, of=of))
    if model is None or features.manifest.notes.get("rows") == 0:  # estimators refuse to answer for no rows
        yield next(keys).head(0).assign(prediction=0.0, model_version="")
        return
    trained, first_row = model.load(), 0
    for batch, known in zip(keys, store.batches(content, field="features", rows=rows, of=of), strict=True):
        prediction = predict(problem, trained, known, name=str(model.key))
        refuse_unusable("prediction", prediction, len(batch), problem.task, first_row)
        classes = columns_of(problem, prediction, answered_classes(problem, trained))
        yield batch.assign(
            **as_columns("prediction", prediction, problem.task, classes), model_version=model.key.version
        )
        first_row += len(batch)
        if unseen is not None:
            unseen.count(trained, known)


class _Seen:
    """What went by of a stream of batches: how many rows, and of which columns."""

    columns: pd.DataFrame

    def __init__(self) -> None:
        self.rows = 0

    def passing(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            self.rows += len(frame)
            self.columns = frame.head(0)
            yield frame
