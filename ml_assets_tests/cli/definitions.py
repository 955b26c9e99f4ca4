"""The tiny problems as a code location, as ``ml_assets.definitions`` is one: in the store that the environment names."""

from __future__ import annotations

import dagster as dg

from ml_assets import open_landing, open_store
from ml_assets.orchestration import build_definitions
from ml_assets.settings import Settings
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.blank import leave_figures_blank


@dg.definitions
def defs() -> dg.Definitions:
    leave_figures_blank()
    settings = Settings.from_environment()
    problems = (umbrellas.PROBLEM, ice_cream.PROBLEM)
    return build_definitions(problems, open_store(settings), open_landing(settings), settings=settings)
