"""Training beside other busy processes: our OpenMP threads spin briefly while they wait, the default is to spin on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.comparison import Comparison, in_turns

ROUNDS = 3
OURS = "from ml_assets.settings import let_waiting_threads_yield; let_waiting_threads_yield()"
TRAIN = """
import time
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
rng = np.random.default_rng(0)
x = rng.normal(size=(20_000, 30))
started = time.perf_counter()
HistGradientBoostingClassifier(max_iter=60, early_stopping=False, random_state=0).fit(x, x[:, 0] > 0)
print(time.perf_counter() - started)
"""


def compare() -> Comparison:
    with every_core_busy():
        ours, theirs = in_turns(lambda: wall_seconds(OURS), lambda: wall_seconds("pass"), ROUNDS)
    return Comparison("training on busy cores", "OpenMP's default", ours, theirs, at_most=1.1)


def wall_seconds(before: str) -> float:
    """How long a training takes in a new process that first runs ``before``."""
    done = subprocess.run([sys.executable, "-c", f"{before}\n{TRAIN}"], check=True, capture_output=True, text=True)
    return float(done.stdout)


@contextmanager
def every_core_busy() -> Iterator[None]:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
