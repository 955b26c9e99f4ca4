"""landing -> dataset: what landed for a partition, checked before anything is made from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from ml_assets.evaluation import checks
from ml_assets.orchestration.asset import LANDING, CheckSpec, asset_key, problem_asset, store_of
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.partitions import partitions_definition
from ml_assets.problem import Problem, window_keys
from ml_assets.store import Store

if TYPE_CHECKING:
    import pandas as pd

CHECKS = (
    CheckSpec("schema", "Columns, types, ranges and missing values are those of the problem's schema."),
    CheckSpec("volume", "Not fewer rows than the problem's minimum, not many times more than the partition before."),
    CheckSpec("unique", "No entity occurs twice."),
    CheckSpec("labels", "Labels are of the kind that the problem's task needs."),
)


def landing_spec(problem: Problem) -> dg.AssetSpec:
    """The landing folder: files come from outside, Dagster does not make them."""
    return dg.AssetSpec(
        asset_key(problem, "landing"),
        description=f"Files that land for `{problem.name}`: the folder `{problem.name}/` of the landing folder.",
        partitions_def=partitions_definition(problem),
        group_name=problem.name,
        owners=list(problem.owners),
        kinds={"file"},
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
    )
    def dataset(context: dg.AssetExecutionContext) -> Made:
        source = getattr(context.resources, LANDING).source(problem.name)
        store = store_of(context)
        data = problem.dataset(problem.partitions.partition(context.partition_key), source)
        previous = _rows_of_previous(store, problem, context.partition_key)
        return Made(
            data,
            checks=tuple(_audit(problem, data, previous)),
            notes={"rows": len(data)},
            metadata={"dagster/row_count": len(data), "dagster/column_schema": _column_schema(data)},
            landed=tuple(source.read),
        )

    return dataset


def _audit(problem: Problem, data: pd.DataFrame, previous_rows: int | None) -> Iterator[checks.CheckOutcome]:
    """The checks of a dataset; those that need its columns only run once the columns are right."""
    schema = checks.schema_valid(data, problem.schema())
    yield schema
    yield checks.volume(data, problem.minimum_rows, previous_rows)
    if schema.passed:
        yield checks.unique_entities(data, problem.entity)
        yield checks.labels_valid(problem.task, data[problem.label])


def _rows_of_previous(store: Store, problem: Problem, partition: str) -> int | None:
    earlier = window_keys(problem.partitions, partition, 2)[:-1]
    entry = store.head(f"{problem.name}/dataset", earlier[0]) if earlier else None
    return int(store.manifest(entry.target).notes["rows"]) if entry else None


def _column_schema(data: pd.DataFrame) -> dg.TableSchema:
    return dg.TableSchema(columns=[dg.TableColumn(str(name), str(dtype)) for name, dtype in data.dtypes.items()])
