"""The tiny problems as a code location, as ``ml_assets.definitions`` is one: in the store that the environment names."""

from __future__ import annotations

import dagster as dg

from ml_assets import open_landing, open_store
from ml_assets.orchestration import build_definitions
from ml_assets_tests.doubles import ice_cream, umbrellas


@dg.definitions
def defs() -> dg.Definitions:
    return build_definitions((umbrellas.PROBLEM, ice_cream.PROBLEM), open_store(), open_landing())
