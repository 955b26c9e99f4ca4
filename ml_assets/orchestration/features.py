"""dataset -> features: what is known of each row when its question is asked."""

from __future__ import annotations

import dagster as dg

from ml_assets.evaluation import checks
from ml_assets.orchestration.hearing import commands_heard
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.tables import column_profiles, column_schema
from ml_assets.problem import Problem
from ml_assets.store import Handle
from ml_assets.training.rows import feature_table


def features(problem: Problem, context: dg.AssetExecutionContext, datasets: dict[str, Handle]) -> Made:
    """The problem's features of the partition's rows, with the partitions before it at hand."""
    *history, data = (handle.load() for handle in datasets.values())
    with commands_heard(context) as heard:
        table = feature_table(problem, history, data)
    found = (
        checks.features_sound(table, len(data)),
        checks.no_single_feature_predicts_too_well(table, problem.task, problem.leak_strength),
    )
    return Made(
        table,
        checks=tuple(checks.waived(outcome, problem.waive) for outcome in found),
        notes={
            "rows": len(table),
            "features": len(table.features.columns),
            "lookback": list(datasets)[:-1],
            **heard.notes,
        },
        metadata={
            "dagster/row_count": len(table),
            **column_schema(table.features),
            **column_profiles(table.features),
        },
    )
