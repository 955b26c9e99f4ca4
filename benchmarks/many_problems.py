"""A repository with fifty problems of its own: loading them should cost what Dagster's own decorators take for as many assets."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import ml_assets
from benchmarks.comparison import Comparison, in_turns

PROBLEMS, ROUNDS = 50, 5
STARTER = Path(ml_assets.__file__).parent / "cli" / "starter" / "tumours.py.txt"
PLAIN = f"""
import warnings
warnings.simplefilter("ignore")
import dagster as dg

months = dg.MonthlyPartitionsDefinition("2024-01", fmt="%Y-%m")

def asset(name, before):
    key = dg.AssetKey(["p" + name, "made"])
    def first(context: dg.AssetExecutionContext): ...
    def later(context: dg.AssetExecutionContext, above): ...
    checks = [dg.AssetCheckSpec(f"check_{{n}}", asset=key) for n in range(3)]
    ins = {{"above": dg.AssetIn(before)}} if before else {{}}
    return key, dg.asset(key=key, ins=ins, partitions_def=months, check_specs=checks)(later if before else first)

every, before = [], None
for n in range({PROBLEMS * 8}):
    before, made = asset(str(n), before if n % 8 else None)
    every.append(made)
dg.Definitions(every)
"""


def compare() -> Comparison:
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "fifty"
        package.mkdir()
        (package / "__init__.py").touch()
        for n in range(PROBLEMS):
            (package / f"p{n}.py").write_text(STARTER.read_text().replace('name="tumours"', f'name="p{n}"'))
        ours_in = {**os.environ, "ML_ASSETS_PROBLEMS": "fifty", "PYTHONPATH": folder}
        ours, theirs = in_turns(
            lambda: cpu_seconds("import ml_assets.definitions as d; assert len(d.PROBLEMS) == 50", ours_in),
            lambda: cpu_seconds(PLAIN, os.environ),
            ROUNDS,
        )
    return Comparison(f"{PROBLEMS} problems loaded", "as many plain assets", ours, theirs, at_most=1.4)


def cpu_seconds(program: str, environ: Mapping[str, str]) -> float:
    """User and system time of a new process."""
    before = os.times()
    subprocess.run([sys.executable, "-c", program], check=True, env=environ)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
