"""`ml-assets try` of two shipped problems on 2,000 rows: how long somebody waits for it, and for what.

python -m benchmarks.try_out
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

ROWS = "2000"
TRIED = (("digits", "batch-01", "batch-01"), ("flight_delays", "2013-06", "2013-03..2013-06"))
ROUNDS = 3


def main() -> None:
    row = "{:16} {:>8} {:>8} {:>8}   {}"
    print(row.format("seconds", "in all", "Dagster", "steps", "of them"))
    with tempfile.TemporaryDirectory() as folder:
        for problem, partition, landed in TRIED:
            ours(folder, "land", problem, "--partitions" if ".." in landed else "--partition", landed)
            for _ in range(ROUNDS):
                loading, _ = measured([sys.executable, "-c", "import ml_assets.orchestration"], folder)
                whole, said = ours(folder, "try", problem, "--partition", partition, "--rows", ROWS, "--json")
                steps = json.loads(said)["steps"]
                longest = sorted(steps, key=lambda step: -step["seconds"])[:3]
                told = ", ".join(f"{step['asset'].partition('/')[2]} {step['seconds']:.1f}" for step in longest)
                in_steps = sum(step["seconds"] for step in steps)
                print(row.format(problem, f"{whole:.1f}", f"{loading:.1f}", f"{in_steps:.1f}", told))


def ours(folder: str, *arguments: str) -> tuple[float, str]:
    return measured(
        [sys.executable, "-c", "import sys; from ml_assets.cli import main; sys.exit(main())", *arguments], folder
    )


def measured(command: Sequence[str], folder: str) -> tuple[float, str]:
    """Seconds of a new process by the clock, and what it printed."""
    there = {"ML_ASSETS_LANDING": f"{folder}/landing", "ML_ASSETS_STORE": f"{folder}/store"}
    started = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **there}, capture_output=True, text=True, check=True)
    return time.perf_counter() - started, done.stdout


if __name__ == "__main__":
    main()
