"""Every step of every run imports the code location: it should cost about what Dagster itself costs."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.comparison import Comparison, in_turns

ROUNDS = 7


def compare() -> Comparison:
    ours, theirs = in_turns(lambda: cpu_seconds("ml_assets.definitions"), lambda: cpu_seconds("dagster"), ROUNDS)
    return Comparison("import ml_assets.definitions", "import dagster, CPU", ours, theirs, at_most=1.25)


def cpu_seconds(module: str) -> float:
    """User and system time of a new process that imports ``module``."""
    before = os.times()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
