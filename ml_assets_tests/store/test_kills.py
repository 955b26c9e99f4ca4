"""Random kills under load, as `python -m benchmarks.kills` makes a thousand of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_nothing_that_was_acknowledged_is_lost_by_kills_and_all_is_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.kills", "25", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("25 kills (seed ")
