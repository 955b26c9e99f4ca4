"""The shipped ``arrival_minutes`` on a cluster; loaded by name in pods, so everything comes from the environment."""

from __future__ import annotations

from dagster_shared.record import copy

from ml_assets import open_landing, open_store
from ml_assets.orchestration import build_definitions, training
from ml_assets.problems.arrival_minutes import PROBLEM
from ml_assets.settings import Settings
from ml_assets_tests.doubles.on_command import quick_executor

training.torch_device = lambda devices: "cpu"  # the processor stands in for the GPU that the pod asked for

settings = Settings.from_environment()
defs = copy(
    build_definitions([PROBLEM], open_store(settings), open_landing(settings), settings=settings),
    executor=quick_executor,
)
