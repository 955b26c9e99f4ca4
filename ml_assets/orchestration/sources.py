"""A problem's sources as its ``dataset`` function reads them: landed files, and what was kept of everything else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ml_assets.problem import Files, Problem
from ml_assets.sources.declared import no_source
from ml_assets.store import Handle, LandedSource

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class ProblemSource(LandedSource):
    """See ``problem.Source``.

    Attributes:
        problem, partition: whose sources they are, and of which partition.
        kept: the version of ``landing`` that holds the rows of databases and other assets; None where there are none.
    """

    problem: Problem | None = None
    partition: str = ""
    kept: Handle | None = None

    def table(self, name: str) -> pd.DataFrame:
        """See ``problem.Source``."""
        declared = self.problem.sources if self.problem else {}
        source = declared.get(name)
        if isinstance(source, Files):
            return self._landed(source)
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
        read = {"parquet": typed.parquet, "jsonl": typed.jsonl, "arrow": typed.arrow}
        return read[source.read_as](name)
