"""A feature group and a problem that shares it, as a code location: in the store of the working folder."""

from __future__ import annotations

import dagster as dg

from ml_assets import open_landing, open_store
from ml_assets.orchestration import build_definitions
from ml_assets_tests.doubles import ponchos


@dg.definitions
def defs() -> dg.Definitions:
    return build_definitions([ponchos.GROUP, ponchos.PONCHOS], open_store(), open_landing())
