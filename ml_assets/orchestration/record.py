"""Databases and other people's assets -> landing: their rows, in one order, kept before anything is made of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_assets.computation.outside import asked_of, outside_now
from ml_assets.errors import NotLanded
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.step import LANDING, partition_of
from ml_assets.orchestration.upstream import parameter, versions_of
from ml_assets.problem import Problem
from ml_assets.sources import Declared, Sql, Upstream, recorded_sources
from ml_assets.sources.rows import in_one_order, table_from
from ml_assets.sources.sql import table_of
from ml_assets.store import LandedSource, frame_of

if TYPE_CHECKING:
    import pandas as pd

WATERMARKS = "watermarks"  # in the notes of a version: what was known of each source just before it was read


def landing(problem: Problem, context: dg.AssetExecutionContext, **upstream: Any) -> Made:
    """Read each source. What is known of it is asked before: what changes meanwhile is seen at the next look."""
    partition = partition_of(context)
    known = outside_now(problem, partition, versions_of(problem, context))
    source = getattr(context.resources, LANDING).source(problem.name)
    frames = {
        name: _rows(problem, name, declared, partition, source, upstream.get(parameter(name)))
        for name, declared in recorded_sources(problem.sources).items()
    }
    rows = {name: len(frame) for name, frame in frames.items()}
    return Made(
        frames,
        notes={"rows": rows, WATERMARKS: {name: told for name, told in known.items() if told is not None}},
        metadata={"dagster/row_count": sum(rows.values())},
        landed=tuple(source.read),
        traces=source.traces,
    )


def _rows(
    problem: Problem, name: str, declared: Declared, partition: str, source: LandedSource, given: Any
) -> pd.DataFrame:
    query = declared.query if isinstance(declared, Upstream) else declared
    if isinstance(query, Sql):
        with _files(problem, query.files, partition, source) as files:
            table = table_of(name, query, asked_of(problem, partition), files)
    else:
        table = table_from(name, given)
    frame: pd.DataFrame = frame_of(in_one_order(table, problem.entity))
    return frame


@contextmanager
def _files(
    problem: Problem, patterns: Mapping[str, str], partition: str, source: LandedSource
) -> Iterator[Mapping[str, Sequence[str]]]:
    """The landed files that a query names, where DuckDB reads them: copies, so that what is recorded is what was read."""
    if not patterns:
        yield {}
        return
    inside = problem.partitions.in_places(partition)
    with tempfile.TemporaryDirectory() as folder:
        yield {
            name: _copied(source, pattern.format_map(inside), Path(folder) / name) for name, pattern in patterns.items()
        }


def _copied(source: LandedSource, pattern: str, folder: Path) -> list[str]:
    folder.mkdir()
    names = source.names(pattern)
    if not names:
        raise NotLanded(f"{source.prefix}/{pattern} has not landed, so nothing can be asked of it. Put the file there.")
    copied = []
    for at, name in enumerate(names):
        path = folder / f"{at:06d}{Path(name).suffix}"
        path.write_bytes(source.bytes(name))
        copied.append(str(path))
    return copied
