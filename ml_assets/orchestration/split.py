"""features -> split: which rows of the window fit, choose and judge, frozen before any training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg

from ml_assets.evaluation import checks
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.step import Skip, partition_of
from ml_assets.orchestration.tables import column_schema
from ml_assets.problem import BATCH_ROWS, FeatureTable, Problem, RollingWindow
from ml_assets.store import Handle
from ml_assets.training.split import (
    PARTS,
    accounted,
    assign_roles,
    awaited_parts,
    counts_of,
    in_parts,
    landed_again,
    refuse_empty_parts,
    rows_of,
)
from ml_assets.training.union import Table
from ml_assets.training.window import LABEL, Window

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def split(problem: Problem, context: dg.AssetExecutionContext, features: dict[str, Handle]) -> Made | Skip:
    """Give each row of the window its role."""
    window = Window({partition: handle.opened() for partition, handle in features.items()})
    if skip := _waits_for_labels(partition_of(context), window.tables[partition_of(context)]):
        return skip
    table, rows = _of_one_kind(window).every_row(), window.rows
    roles = assign_roles(problem, table, rows)
    counts, labels = counts_of(roles), {role: rows_of(table, roles, role).label for role in PARTS}
    classes = checks.waived(checks.both_classes_present(labels, problem.task), problem.waive)
    if skip := _waits_for_rows(problem, rows, counts, labels, classes):
        return skip
    refuse_empty_parts(problem, counts)
    again, newest = landed_again(problem, table.keys), problem.duplicates == "newest"
    return Made(
        roles,
        checks=(
            checks.split_disjoint(roles, ordered_in_time=isinstance(problem.split, RollingWindow)),
            checks.no_row_twice(roles, again, rows, newest=newest),
            classes,
            *_groups(problem, table, roles),
            checks.window_complete(list(features), problem.window),
        ),
        metrics={"rows": counts},
        notes={"rows": accounted(counts, len(rows)), "window": list(features)},
        metadata={"dagster/row_count": len(roles), **column_schema(roles)},
    )


def _groups(problem: Problem, table: FeatureTable, roles: pd.DataFrame) -> list[checks.CheckOutcome]:
    """Whether groups are on one side, where a problem has any."""
    if problem.group is None:
        return []
    return [checks.groups_apart(table.keys[problem.group], roles["role"], whole=problem.split.whole_groups)]


def _of_one_kind(window: Window) -> Window:
    """The window, if its features unite: a training that finds out may wait for a machine first. Their values are not loaded."""
    _ = window.features
    return window


def _waits_for_labels(partition: str, own: Table) -> Skip | None:
    """A reason to skip where none of the partition's own rows has a label: then there is nothing yet to judge on."""
    import numpy as np

    if not all(np.isnan(label).all() for label in own.batches(LABEL, BATCH_ROWS)):
        return None
    return Skip(
        f"{partition} has no known labels yet: nothing to train or judge. Land the outcomes and it is made again; "
        "its rows are predicted by the champion all the same."
    )


def _waits_for_rows(
    problem: Problem,
    rows: Mapping[str, int],
    counts: Mapping[str, int],
    labels: Mapping[str, np.ndarray],
    classes: checks.CheckOutcome,
) -> Skip | None:
    """A reason to skip where a part lacks rows, or a class, for no fault of the data; see ``awaited_parts``.

    What another part lacks no time will bring: then this is no reason, and the split is refused.
    """
    awaited = awaited_parts(problem, rows)
    empty = {part for part in PARTS if not counts[part]}
    others = {part: of for part, of in labels.items() if part not in awaited}
    if not (empty <= awaited if empty else classes.refuses and _has_classes(problem, others)):
        return None
    lacks = in_parts(counts) if empty else classes.description.rstrip(".")
    short = f"The window has {len(rows)} of {problem.window} partitions so far: time will give the others."
    why = short if len(rows) < problem.window else "Nothing landed with the partitions of that part."
    said = "No model is trained; the rows are predicted by the champion, if there is one."
    return Skip(f"{list(rows)[-1]}: {lacks}. {why} {said}")


def _has_classes(problem: Problem, labels: Mapping[str, np.ndarray]) -> bool:
    return checks.both_classes_present(labels, problem.task).passed
