"""A problem with dynamic partitions as a code location: Dagster takes one per module."""

from __future__ import annotations

import dagster as dg

from ml_assets import open_landing, open_store
from ml_assets.orchestration import build_definitions
from ml_assets_tests.doubles import ice_cream


@dg.definitions
def defs() -> dg.Definitions:
    return build_definitions([ice_cream.SHOPS], open_store(), open_landing())
