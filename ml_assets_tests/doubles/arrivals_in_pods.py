"""The shipped ``arrival_minutes`` on a cluster; loaded by name in pods, so everything comes from the environment.

Its training waits where it reports, until the diary lets it go on or it is asked to stop.
"""

from __future__ import annotations

import os

from dagster_shared.record import copy

from ml_assets import open_landing, open_store
from ml_assets.orchestration import build_definitions, training
from ml_assets.problems import flights, weather
from ml_assets.problems.arrival_minutes import PROBLEM
from ml_assets.settings import Settings
from ml_assets.training.run import Run
from ml_assets_tests.doubles.diary import Diary
from ml_assets_tests.doubles.on_command import quick_executor

report = Run.log


def report_and_wait(run: Run, step: int, **metrics: float) -> None:
    report(run, step, **metrics)
    Diary.of(settings.landing).wait_until_allowed(step, unless=lambda: run.should_stop)


if "DAGSTER_RUN_STEP_KEY" in os.environ:  # a training's pod: the processor stands in for the GPU that it asked for
    training.torch_device = lambda devices: "cpu"
    Run.log = report_and_wait  # type: ignore[method-assign]

problems = [weather.GROUP, flights.GROUP, PROBLEM]
settings = Settings.from_environment()
defs = copy(
    build_definitions(problems, open_store(settings), open_landing(settings), settings=settings),
    executor=quick_executor,
)
