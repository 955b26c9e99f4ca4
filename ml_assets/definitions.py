"""Dagster's entry point: the problems, and where everything is kept."""

from ml_assets import open_landing, open_store
from ml_assets.orchestration import build_definitions
from ml_assets.problems import BROKEN, PROBLEMS
from ml_assets.settings import (
    Settings,
    let_arrow_free_memory,
    let_garbage_wait,
    let_gpus_repeat,
    let_waiting_threads_yield,
)

let_garbage_wait()
let_waiting_threads_yield()
let_gpus_repeat()
let_arrow_free_memory()
settings = Settings.from_environment()
defs = build_definitions(PROBLEMS, open_store(settings), open_landing(settings), BROKEN, settings)
