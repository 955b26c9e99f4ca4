"""landing -> dataset: what landed for a partition, checked before anything is made from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_assets.computation.chain import rows_before
from ml_assets.evaluation import checks
from ml_assets.orchestration.asset import asset_key, problem_asset
from ml_assets.orchestration.code_references import code_references
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.step import LANDING, CheckSpec, partition_of, store_of
from ml_assets.orchestration.tables import column_schema
from ml_assets.problem import Problem
from ml_assets.store import LandedFile
from ml_assets.values import as_declared

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

CHECKS = (
    CheckSpec("schema", "Columns, types, ranges and missing values are those of the problem's schema."),
    CheckSpec("volume", "Not fewer rows than the problem's minimum, not many times more than the partition before."),
    CheckSpec("unique", "No entity occurs twice."),
    CheckSpec("labels", "Labels are of the kind that the problem's task needs."),
    CheckSpec("labelled", "Some labels are known; before the outcomes land, none is.", blocking=False),
)


def dataset_asset(problem: Problem) -> dg.AssetsDefinition:
    """The asset ``dataset`` of a problem."""

    @problem_asset(
        problem,
        "dataset",
        description=f"What landed for the partition, one row per `{problem.entity}`.\n\n{problem.description}",
        deps=[dg.AssetDep(asset_key(problem, "landing"))],
        checks=CHECKS,
        kinds=("pandas", "parquet"),
        metadata=code_references(problem.dataset, problem.schema),
    )
    def dataset(context: dg.AssetExecutionContext) -> Made:
        source = getattr(context.resources, LANDING).source(problem.name)
        landed = problem.dataset(problem.partitions.partition(partition_of(context)), source)
        data = as_declared(landed, _types(problem.schema()))
        previous = rows_before(problem, store_of(context), partition_of(context))
        return Made(
            data,
            checks=tuple(_naming(source.read, outcome) for outcome in _audit(problem, data, previous)),
            notes={"rows": len(data)},
            metadata={"dagster/row_count": len(data), **column_schema(data, problem.schema())},
            landed=tuple(source.read),
            traces=source.traces,
        )

    return dataset


def _types(schema: pa.DataFrameSchema) -> dict[str, Any]:
    """The pandas type of each column that the schema gives one."""
    return {name: column.dtype.type for name, column in schema.columns.items() if column.dtype is not None}


def _audit(problem: Problem, data: pd.DataFrame, previous_rows: int | None) -> Iterator[checks.CheckOutcome]:
    """The checks of a dataset; those that need its columns only run once the columns are right.

    Too many rows are not looked into: of a hundred times the usual ones, the schema alone takes as many seconds as loading
    them, and as much memory again.
    """
    size = checks.volume(data, problem.minimum_rows, previous_rows)
    yield size
    if len(data) > problem.minimum_rows and not size.passed:
        return
    schema = checks.schema_valid(data, problem.schema())
    yield schema
    if schema.passed:
        yield checks.unique_entities(data, problem.entity)
        yield checks.labels_valid(problem.task, data[problem.label])
        yield checks.labels_known(data[problem.label])


def _naming(files: Sequence[LandedFile], outcome: checks.CheckOutcome) -> checks.CheckOutcome:
    """A failed outcome says which files the rows come from: that is where to look."""
    if outcome.passed:
        return outcome
    names = ", ".join(file.name for file in files)
    return replace(outcome, description=f"{outcome.description} Landed: {names}.")
