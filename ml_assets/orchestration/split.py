"""features -> split: which rows of the window fit, choose and judge, frozen before any training."""

from __future__ import annotations

import dagster as dg

from ml_assets.evaluation import checks
from ml_assets.orchestration.asset import problem_asset, upstream
from ml_assets.orchestration.code_references import definition_of
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.partitions import window_mapping
from ml_assets.orchestration.step import CheckSpec, Skip, partition_of
from ml_assets.orchestration.tables import column_schema
from ml_assets.problem import FeatureTable, Problem, RollingWindow
from ml_assets.store import Handle
from ml_assets.training.rows import concatenate
from ml_assets.training.split import TEST, TRAIN, VALIDATION, assign_roles, rows_of

CHECKS = (
    CheckSpec("disjoint", "No row has two roles, and training ends before validation, validation before the test."),
    CheckSpec("classes", "Every class occurs where it is needed: in training, validation and test."),
    CheckSpec(
        "window_complete", "The window has all its partitions; the first ones of a problem cannot.", blocking=False
    ),
)


def split_asset(problem: Problem) -> dg.AssetsDefinition:
    """The asset ``split`` of a problem."""

    @problem_asset(
        problem,
        "split",
        description=f"The role of each row of the window: train, validation or test. `{problem.split}`",
        ins={"features": upstream(problem, "features", window_mapping(problem.partitions, problem.window))},
        checks=CHECKS,
        kinds=("pandas", "parquet"),
        metadata=definition_of(problem),
        may_skip=True,
    )
    def split(context: dg.AssetExecutionContext, features: dict[str, Handle]) -> Made | Skip:
        tables = {partition: handle.load() for partition, handle in features.items()}
        if skip := _waits_for_labels(partition_of(context), tables[partition_of(context)]):
            return skip
        table = concatenate(tables)
        roles = assign_roles(problem, table, problem.partitions.partition(partition_of(context)).end)
        labels = {role: rows_of(table, roles, role).label for role in (TRAIN, VALIDATION, TEST)}
        counts = {str(role): int(n) for role, n in roles["role"].value_counts().items()}
        return Made(
            roles,
            checks=(
                checks.split_disjoint(roles, ordered_in_time=isinstance(problem.split, RollingWindow)),
                checks.both_classes_present(labels, problem.task),
                checks.window_complete(list(features), problem.window),
            ),
            metrics={"rows": counts},
            notes={"window": list(features)},
            metadata={"dagster/row_count": len(roles), **column_schema(roles)},
        )

    return split


def _waits_for_labels(partition: str, table: FeatureTable) -> Skip | None:
    """A reason to skip where none of the partition's own rows has a label: then there is nothing yet to judge on."""
    import numpy as np

    if not np.isnan(table.label).all():
        return None
    return Skip(
        f"{partition} has no known labels yet: nothing to train or judge. Land the outcomes and it is made again; "
        "its rows are predicted by the champion all the same."
    )
