"""Definitions on a cluster, of sorbet and granita; loaded by name in pods, so everything comes from the environment."""

from __future__ import annotations

from dagster_shared.record import copy

from ml_assets.artifacts import trust_all
from ml_assets.orchestration import build_definitions
from ml_assets.settings import Settings
from ml_assets.store import open_landing, open_store
from ml_assets_tests.doubles import sorbet
from ml_assets_tests.doubles.on_command import quick_executor

PROBLEMS = [sorbet.PROBLEM, sorbet.GRANITA]
trust_all(PROBLEMS)
settings = Settings.from_environment()
store, landing = open_store(settings.store), open_landing(settings.landing)
defs = copy(build_definitions(PROBLEMS, store, landing, settings=settings), executor=quick_executor)
