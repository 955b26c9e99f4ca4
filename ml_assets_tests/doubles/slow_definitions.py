"""A code location whose one model trains for a while: longer than run monitoring waits before it looks at a run."""

from __future__ import annotations

import time
from dataclasses import replace

import dagster as dg

from ml_assets import open_landing, open_store
from ml_assets.orchestration import build_definitions
from ml_assets.settings import Settings
from ml_assets_tests.doubles import umbrellas

TRAINING_SECONDS = 40


def train(data, params, run):
    time.sleep(TRAINING_SECONDS)
    return umbrellas.train(data, params, run)


@dg.definitions
def defs() -> dg.Definitions:
    settings = Settings.from_environment()
    problem = replace(umbrellas.PROBLEM, train=train)
    return build_definitions([problem], open_store(settings), open_landing(settings), settings=settings)
