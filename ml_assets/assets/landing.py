"""Databases and other people's assets -> landing: what they held for a partition, kept before anything is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.assets.declaration import Asset
from ml_assets.sources import recorded_sources

if TYPE_CHECKING:
    from ml_assets.problem import Problem


def has_recorded_sources(problem: Problem) -> bool:
    """Whether it reads anything but landed files."""
    return bool(recorded_sources(problem.sources))


LANDING = Asset(
    name="landing",
    role="records",
    made_by="ml_assets.orchestration.record:landing",
    description=lambda problem: (
        f"What {', '.join(recorded_sources(problem.sources))} held for the partition when `{problem.name}` read it."
    ),
    uses=("sources", "entity"),
    kinds=("table", "parquet"),
    when=has_recorded_sources,
)
