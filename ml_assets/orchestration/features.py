"""dataset -> features: what is known of each row when its question is asked."""

from __future__ import annotations

import dagster as dg

from ml_assets.evaluation import checks
from ml_assets.orchestration.asset import problem_asset, upstream
from ml_assets.orchestration.code_references import code_references
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.partitions import window_mapping
from ml_assets.orchestration.step import CheckSpec
from ml_assets.orchestration.tables import column_profiles, column_schema
from ml_assets.problem import Problem
from ml_assets.store import Handle
from ml_assets.training.rows import feature_table

CHECKS = (
    CheckSpec("features_sound", "One row per row of data, nothing infinite, no column without any value."),
    CheckSpec("leak", "No single feature predicts the label too well to be true."),
)


def features_asset(problem: Problem) -> dg.AssetsDefinition:
    """The asset ``features`` of a problem."""

    @problem_asset(
        problem,
        "features",
        description="What is known of each row when its question is asked, with its label where the outcome is known.",
        ins={"datasets": upstream(problem, "dataset", window_mapping(problem.partitions, problem.lookback + 1))},
        checks=CHECKS,
        kinds=("pandas", "parquet"),
        metadata=code_references(problem.features),
    )
    def features(context: dg.AssetExecutionContext, datasets: dict[str, Handle]) -> Made:
        *history, data = (handle.load() for handle in datasets.values())
        table = feature_table(problem, history, data)
        found = (
            checks.features_sound(table, len(data)),
            checks.no_single_feature_predicts_too_well(table, problem.task, problem.leak_strength),
        )
        return Made(
            table,
            checks=tuple(checks.waived(outcome, problem.waive) for outcome in found),
            notes={"rows": len(table), "features": len(table.features.columns), "lookback": list(datasets)[:-1]},
            metadata={
                "dagster/row_count": len(table),
                **column_schema(table.features),
                **column_profiles(table.features),
            },
        )

    return features
