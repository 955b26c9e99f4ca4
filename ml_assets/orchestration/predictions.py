"""champion -> predictions: the rows of a partition, scored by the champion as it was known before the partition began."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from ml_assets.evaluation.checks import CheckOutcome
from ml_assets.evaluation.scored_rows import as_columns, refuse_unusable
from ml_assets.orchestration.asset import CheckSpec, asset_key, problem_asset, store_of, upstream
from ml_assets.orchestration.io_manager import Handle, Made
from ml_assets.orchestration.partitions import previous_mapping
from ml_assets.problem import FeatureTable, Problem
from ml_assets.promotion.ledger import Ledger, Move
from ml_assets.training.model import predict

if TYPE_CHECKING:
    import pandas as pd

CHECKS = (CheckSpec("served", "There was a champion to predict with; before the first one there is none."),)


def predictions_asset(problem: Problem) -> dg.AssetsDefinition:
    """The asset ``predictions`` of a problem."""

    @problem_asset(
        problem,
        "predictions",
        description="Every row of the partition scored by the champion known before it began; each names its model version.",
        ins={"features": upstream(problem, "features")},
        deps=[
            dg.AssetDep(asset_key(problem, "champion"), partition_mapping=previous_mapping(problem.partitions)),
        ],
        checks=CHECKS,
        kinds=("pandas", "parquet"),
    )
    def predictions(context: dg.AssetExecutionContext, features: Handle) -> Made:
        store = store_of(context)
        champion = Ledger.of(store, problem, context.partition_key).champion(before=context.partition_key)
        model = Handle(store, champion.model, "champion") if champion else None
        scored = _scored(problem, features.load(), model)
        return Made(
            scored,
            checks=(_served(context.partition_key, champion),),
            notes={"rows": len(scored), "model": str(model.key) if model else "none"},
            metadata={"dagster/row_count": len(scored)},
            inputs=(model,) if model else (),
        )

    return predictions


def _scored(problem: Problem, table: FeatureTable, model: Handle | None) -> pd.DataFrame:
    """One row per row of the table: entity, event time, prediction, model version; no rows without a model."""
    keys = table.keys[[name for name in (problem.entity, problem.event_time) if name is not None]]
    if model is None:
        return keys.head(0).assign(prediction=0.0, model_version="")
    prediction = predict(problem, model.load(), table.features, name=str(model.key))
    refuse_unusable("prediction", prediction, len(table), problem.task)
    return keys.assign(**as_columns("prediction", prediction), model_version=model.key.version)


def _served(partition: str, champion: Move | None) -> CheckOutcome:
    said = (
        f"by {champion.model}, champion since {champion.at}"
        if champion
        else "by nobody: no champion was known before it"
    )
    return CheckOutcome(
        name="served",
        passed=champion is not None,
        blocking=False,
        description=f"{partition} is predicted {said}.",
        metadata={},
    )
