"""landing -> dataset: what landed for a partition, checked, and as its schema leaves it, before anything is made from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_assets.computation.chain import rows_before
from ml_assets.errors import InvalidProblem
from ml_assets.evaluation import checks
from ml_assets.orchestration.hearing import commands_heard
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.sources import ProblemSource
from ml_assets.orchestration.step import LANDING_FOLDER, partition_of, store_of
from ml_assets.orchestration.tables import column_profiles, column_schema
from ml_assets.problem import Files, Partition, Problem
from ml_assets.store import Handle, LandedFile, LandingFolder, Store
from ml_assets.training.handout import numbered
from ml_assets.values import as_declared

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa


def dataset(
    problem: Problem,
    context: dg.AssetExecutionContext,
    landing: Handle | None = None,
    **shared: Mapping[str, Handle],
) -> Made:
    """Read what landed, and check it.

    Args:
        landing: what was kept of databases and other people's assets.
        shared: what other problems and groups made, see ``ProblemSource``.
    """
    schema = checks.schema_of(problem)
    types, partition = _types(schema), problem.partitions.partition(partition_of(context))
    folder: LandingFolder = getattr(context.resources, LANDING_FOLDER)
    source = ProblemSource(
        folder, problem.name, types, problem=problem, partition=partition.key, kept=landing, shared=shared
    )
    with commands_heard(context) as heard:
        returned = problem.dataset(partition, source)
    landed = as_declared(_table(problem, returned), types)
    audited = _audit(problem, schema, landed, partition, _rows_before(problem, store_of(context), partition.key))
    return Made(
        audited.data,
        checks=tuple(_naming(source.read, problem, outcome) for outcome in audited.outcomes),
        notes={"rows": len(audited.data), **audited.repairs.notes, **heard.notes},
        metadata={
            "dagster/row_count": len(audited.data),
            **column_schema(audited.data, schema),
            **column_profiles(audited.data),
        },
        landed=tuple(source.read),
        traces=source.traces
        if source.traces or landing is not None or shared
        else None,  # else its rows come from elsewhere
    )


def _table(problem: Problem, returned: Any) -> pd.DataFrame:
    """What ``dataset()`` returned, if it is a table."""
    import pandas as pd

    if not isinstance(returned, pd.DataFrame):
        what = f"{type(returned).__name__}, no DataFrame"
    elif not returned.columns.is_unique:
        what = "several columns of one name"
    else:
        return returned
    raise InvalidProblem(
        f"Problem {problem.name!r}: dataset() returned {what}. Return a pandas DataFrame with one row per {problem.entity!r} "
        "and a name for each column."
    )


def _types(schema: pa.DataFrameSchema) -> dict[str, Any]:
    """The pandas type of each column that the schema gives one."""
    return {name: column.dtype.type for name, column in schema.columns.items() if column.dtype is not None}


@dataclass(frozen=True)
class _Audited:
    """Rows as they are stored, what the checks say of them, and what the schema did to those that landed."""

    data: pd.DataFrame
    outcomes: tuple[checks.CheckOutcome, ...]
    repairs: checks.Repairs


def _audit(
    problem: Problem,
    schema: pa.DataFrameSchema,
    landed: pd.DataFrame,
    partition: Partition,
    before: Sequence[checks.Before],
) -> _Audited:
    """The checks of a dataset; those that need its columns only run once the columns are right.

    How many rows there are is judged as they landed, all else as the schema leaves them. Too many rows are not looked into: of
    a hundred times the usual ones, the schema alone takes as many seconds as loading them, and as much memory again.
    """
    size = checks.volume(
        len(landed),
        problem.minimum_rows,
        before=before,
        weekday=problem.partitions.weekday(partition.key),
        maximum_growth=problem.maximum_growth,
    )
    size = checks.waived(size, problem.waive)
    if len(landed) > problem.minimum_rows and size.refuses:
        return _Audited(landed, (size,), checks.Repairs(len(landed), len(landed)))
    rows = landed if schema.index is not None else _labelled(landed)
    valid = checks.validated(rows, schema, problem.entity, problem.minimum_rows)
    data = landed if valid.data is rows else numbered(valid.data)
    further = _of_columns(problem, data, partition) if valid.outcome.passed else ()
    return _Audited(data, (size, valid.outcome, *further), valid.repairs)


def _labelled(landed: pd.DataFrame) -> pd.DataFrame:
    """The rows, each with a label of its own: of rows that share one, pandera drops all or none."""
    rows = numbered(landed)
    return rows.reset_index(drop=True) if rows.index.has_duplicates else rows


def _of_columns(problem: Problem, data: pd.DataFrame, partition: Partition) -> Iterator[checks.CheckOutcome]:
    keys = checks.keys_there(data, problem.entity, problem.label, problem.event_time, problem.label_time)
    yield keys
    if keys.passed and problem.is_group:
        yield checks.unique_entities(data, problem.entity, problem.event_time)
        yield checks.rows_dated(data, partition, entity=problem.entity, label=None, event_time=problem.event_time)
    elif keys.passed:
        yield checks.unique_entities(data, problem.entity)
        yield checks.labels_valid(problem.task, data[problem.label], problem.classes)
        yield checks.labels_known(data[problem.label])
        named = {"event_time": problem.event_time, "label_time": problem.label_time}
        again = problem.duplicates == "newest"
        yield checks.rows_dated(data, partition, entity=problem.entity, label=problem.label, may_restate=again, **named)


def _rows_before(problem: Problem, store: Store, partition: str) -> list[checks.Before]:
    found = rows_before(problem, store, partition, checks.PARTITIONS)
    return [checks.Before(rows, problem.partitions.weekday(key)) for key, rows in found.items()]


def _naming(files: Sequence[LandedFile], problem: Problem, outcome: checks.CheckOutcome) -> checks.CheckOutcome:
    """A failed outcome says which files or sources the rows come from: that is where to look."""
    others = [name for name, source in problem.sources.items() if not isinstance(source, Files)]
    said = [
        *([f"Landed: {', '.join(file.name for file in files)}."] if files else []),
        *([f"Rows come from the sources {', '.join(others)}."] if others else []),
    ]
    return outcome if outcome.passed else replace(outcome, description=" ".join([outcome.description, *said]))
