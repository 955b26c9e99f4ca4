"""A problem's sources as its ``dataset`` function reads them: landed files, what was kept of everything else, what is shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ml_assets.assets import noun_that
from ml_assets.problem import Files, Problem, Shared
from ml_assets.sources.declared import no_source, parameter
from ml_assets.store import Handle, LandedSource
from ml_assets.training.union import joined

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class ProblemSource(LandedSource):
    """See ``problem.Source``.

    Attributes:
        problem, partition: whose sources they are, and of which partition.
        kept: the version of ``landing`` that holds the rows of databases and others' assets; None where there are none.
        shared: by the parameter of each source that is shared the versions that are read, by partition, oldest first.
    """

    problem: Problem | None = None
    partition: str = ""
    kept: Handle | None = None
    shared: Mapping[str, Mapping[str, Handle]] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame:
        """See ``problem.Source``."""
        declared = self.problem.sources if self.problem else {}
        source = declared.get(name)
        if isinstance(source, Files):
            return self._landed(source)
        if isinstance(source, Shared):
            found = {key: _rows(handle, source) for key, handle in self.shared[parameter(name)].items()}
            return joined(found, "column") if len(found) > 1 else next(iter(found.values()))
        if source is None or self.kept is None:
            raise no_source(name, declared)
        frame: pd.DataFrame = self.kept.field(name)
        return frame

    def _landed(self, source: Files) -> pd.DataFrame:
        name = source.pattern.format_map(self.problem.partitions.in_places(self.partition) if self.problem else {})
        typed = replace(self, types={**self.types, **source.types})
        if source.read_as == "csv":
            separator = source.separator or ("\t" if ".tsv" in source.pattern else ",")
            return typed.csv(name, separator=separator, decimal=source.decimal, encoding=source.encoding)
        read = {"parquet": typed.parquet, "jsonl": typed.jsonl, "arrow": typed.arrow, "images": typed.images}
        return read[source.read_as](name)


def _rows(handle: Handle, source: Shared) -> pd.DataFrame:
    """The table that a version is; of features the keys, and beside them the features that are not among these."""
    if source.noun != noun_that("derives"):
        rows: pd.DataFrame = handle.load()
        return rows
    keys, features = handle.field("keys"), handle.field("features")
    table: pd.DataFrame = keys.join(features[[name for name in features if name not in keys]])
    return table
