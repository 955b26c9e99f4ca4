"""features -> split: which rows of the window fit, choose and judge, frozen before any training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import dagster as dg

from ml_assets.evaluation import checks
from ml_assets.evaluation.checks import CheckOutcome
from ml_assets.orchestration.asset import CheckSpec, problem_asset, upstream
from ml_assets.orchestration.io_manager import Handle, Made
from ml_assets.orchestration.partitions import window_mapping
from ml_assets.problem import FeatureTable, Problem, RollingWindow
from ml_assets.training.rows import concatenate
from ml_assets.training.split import TEST, TRAIN, VALIDATION, assign_roles, rows_of

if TYPE_CHECKING:
    import pandas as pd

CHECKS = (
    CheckSpec("disjoint", "No row has two roles, and training ends before validation, validation before the test."),
    CheckSpec("classes", "Every class occurs where it is needed: in training, validation and test."),
    CheckSpec("window_complete", "The window has all its partitions; the first ones of a problem cannot."),
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
    )
    def split(context: dg.AssetExecutionContext, features: dict[str, Handle]) -> Made:
        table = concatenate({partition: handle.load() for partition, handle in features.items()})
        roles = assign_roles(problem, table, problem.partitions.partition(context.partition_key).end)
        labels = {role: rows_of(table, roles, role).label for role in (TRAIN, VALIDATION, TEST)}
        counts = {str(role): int(n) for role, n in roles["role"].value_counts().items()}
        return Made(
            roles,
            checks=(
                checks.split_disjoint(roles, ordered_in_time=isinstance(problem.split, RollingWindow)),
                checks.both_classes_present(labels, problem.task),
                window_complete(problem, features),
            ),
            metrics={"rows": counts},
            notes={"window": list(features)},
            metadata={"dagster/row_count": len(roles)},
        )

    return split


def window_complete(problem: Problem, partitions: Iterable[str]) -> CheckOutcome:
    """State it where a window is shorter than the problem asks, as the first ones of a problem are."""
    present = list(partitions)
    return CheckOutcome(
        name="window_complete",
        passed=len(present) == problem.window,
        blocking=False,
        description=f"The window has {len(present)} of {problem.window} partitions: {', '.join(present)}.",
        metadata={"partitions": len(present), "wanted": problem.window},
    )


def window_of(split: Handle) -> tuple[FeatureTable, pd.DataFrame]:
    """The rows that a split divided, from exactly the feature versions it was made from, and their roles."""
    tables = {str(handle.key.partition): handle.load() for handle in split.inputs("features")}
    return concatenate(tables), split.load()
