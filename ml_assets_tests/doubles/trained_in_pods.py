"""Definitions on a cluster, of the beach; loaded by name in pods, so everything comes from the environment."""

from __future__ import annotations

import os

from dagster_shared.record import copy

from ml_assets.orchestration import build_definitions
from ml_assets.settings import Settings
from ml_assets.store import open_landing, open_store
from ml_assets_tests.doubles import beach
from ml_assets_tests.doubles.on_command import quick_executor
from ml_assets_tests.doubles.world import trust_all

if "DAGSTER_RUN_STEP_KEY" in os.environ:  # a training's pod: as if its machine had the GPU that it asked for
    import torch

    torch.cuda.is_available = lambda: True

trust_all()
settings = Settings.from_environment()
store, landing = open_store(settings.store), open_landing(settings.landing)
defs = copy(build_definitions([beach.PROBLEM], store, landing, settings=settings), executor=quick_executor)
