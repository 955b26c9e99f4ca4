"""Galoshes as a code location; where their trainings keep their diary, the environment says."""

from __future__ import annotations

import os
from dataclasses import replace

import dagster as dg

from ml_assets import open_landing, open_store
from ml_assets.orchestration import build_definitions
from ml_assets.settings import Settings
from ml_assets_tests.doubles import galoshes

DIARY = "GALOSHES_DIARY"


@dg.definitions
def defs() -> dg.Definitions:
    settings = Settings.from_environment()
    problem = replace(galoshes.PROBLEM, params=galoshes.GlmParams(diary=os.environ[DIARY]))
    return build_definitions([problem], open_store(settings), open_landing(settings), settings=settings)
