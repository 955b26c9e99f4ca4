"""The parasols, month by shop, as a code location."""

from __future__ import annotations

import dagster as dg

from ml_assets import open_landing, open_store
from ml_assets.orchestration import build_definitions
from ml_assets.settings import Settings
from ml_assets_tests.doubles import parasols


@dg.definitions
def defs() -> dg.Definitions:
    settings = Settings.from_environment()
    return build_definitions([parasols.PROBLEM], open_store(settings), open_landing(settings), settings=settings)
