"""Umbrellas, where a new recipe must prove itself on three windows."""

from __future__ import annotations

from dataclasses import replace

from ml_assets.evaluation.metrics import BRIER
from ml_assets.problem import Better
from ml_assets.store import LandingFolder
from ml_assets_tests.doubles import umbrellas

PROBLEM = replace(
    umbrellas.PROBLEM,
    name="sunshades",
    promote_when=Better(BRIER, confidence=0.9, windows=3),
    gates=(),
    description=__doc__ or "",
)


def land(landing: LandingFolder, months: tuple[str, ...]) -> None:
    for month in months:
        landing.write(f"sunshades/visits/{month}.parquet", umbrellas.visits(month))
