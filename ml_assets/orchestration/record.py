"""Databases and other people's assets -> landing: their rows, in one order, kept before anything is made of them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_assets.computation.outside import asked_of
from ml_assets.errors import NotLanded
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.step import LANDING_FOLDER, partition_of
from ml_assets.problem import Problem
from ml_assets.sources import Sql, Upstream, recorded_sources
from ml_assets.sources.declared import parameter
from ml_assets.sources.rows import in_one_order, table_from
from ml_assets.sources.sql import table_of
from ml_assets.store import LandedSource, frame_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def landing(problem: Problem, context: dg.AssetExecutionContext, **upstream: Any) -> Made:
    """Read each source. The step has asked the watermarks before: what changes meanwhile is seen at the next look."""
    partition = partition_of(context)
    reading = _Reading(problem, partition, getattr(context.resources, LANDING_FOLDER).source(problem.name))
    frames = {
        name: reading.rows(name, source, upstream.get(parameter(name)))
        for name, source in recorded_sources(problem.sources).items()
    }
    rows = {name: len(frame) for name, frame in frames.items()}
    return Made(
        frames,
        notes={"rows": rows},
        metadata={"dagster/row_count": sum(rows.values())},
        landed=tuple(reading.landed.read),
        traces=reading.landed.traces,
    )


@dataclass(frozen=True)
class _Reading:
    """The sources of a problem, read for a partition.

    Attributes:
        landed: landed files, for queries that name some.
    """

    problem: Problem
    partition: str
    landed: LandedSource

    def rows(self, name: str, source: Sql | Upstream, given: Any) -> pd.DataFrame:
        """All rows of a source, in one order; ``given`` is what the IO manager of another asset gave."""
        query = source.query if isinstance(source, Upstream) else source
        table = table_from(name, given) if query is None else self._asked(name, query)
        frame: pd.DataFrame = frame_of(in_one_order(table, self.problem.entity))
        return frame

    def _asked(self, name: str, query: Sql) -> pa.Table:
        with tempfile.TemporaryDirectory() as folder:  # of copies, so that what is recorded is what was read
            files = {called: self._copied(pattern, Path(folder) / called) for called, pattern in query.files.items()}
            return table_of(name, query, asked_of(self.problem, self.partition), files)

    def _copied(self, pattern: str, folder: Path) -> list[str]:
        folder.mkdir()
        names = self.landed.names(pattern.format_map(self.problem.partitions.in_places(self.partition)))
        if not names:
            raise NotLanded(
                f"No file {self.landed.prefix}/{pattern} has landed, so nothing can be asked of it. Put it there."
            )
        paths = [folder / f"{at:06d}{Path(name).suffix}" for at, name in enumerate(names)]
        for path, name in zip(paths, names, strict=True):
            path.write_bytes(self.landed.content(name))
        return list(map(str, paths))
