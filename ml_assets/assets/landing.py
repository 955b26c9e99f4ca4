"""Databases and other people's assets -> landing: what they held for a partition, kept before anything is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.assets.declaration import Asset
from ml_assets.sources import Sql, Upstream, recorded_sources

if TYPE_CHECKING:
    from ml_assets.problem import Problem


def has_recorded_sources(problem: Problem) -> bool:
    """Whether it reads anything but landed files."""
    return bool(recorded_sources(problem.sources))


def _told(source: Sql | Upstream) -> str:
    if isinstance(source, Upstream):
        return f"the asset `{source.asset}`" + (f", by {_told(source.query)}" if source.query else "")
    return f"a query of `{source.connection or 'landed files'}`:\n\n  ```sql\n  {source.query}\n  ```\n"


LANDING = Asset(
    name="landing",
    role="records",
    made_by="ml_assets.orchestration.record:landing",
    description=lambda problem: (
        "What its sources held for the partition when they were read; what is made of them later is made of this.\n\n"
        + "\n".join(f"- `{name}`: {_told(source)}" for name, source in recorded_sources(problem.sources).items())
    ),
    uses=("sources", "entity"),
    kinds=("table", "parquet"),
    when=has_recorded_sources,
)
