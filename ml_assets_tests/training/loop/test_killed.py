"""kill -9 at random steps, and SIGTERM: the same bits in the end, and little lost each time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ml_assets_tests.training.loop.killed import INTERVAL

TRAININGS = 20  # with each signal; each is killed several times
MOST_LOST = {"SIGKILL": INTERVAL, "SIGTERM": 1}


def killed(folder: Path) -> tuple[str, list[dict]]:
    """The digest of an uninterrupted training, and what came of those that were killed."""
    command = [sys.executable, "-m", "ml_assets_tests.training.loop.killed", str(folder), str(TRAININGS), *MOST_LOST]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=800)
    assert done.returncode == 0, done.stderr
    whole, *lives = map(json.loads, done.stdout.splitlines())
    assert len(lives) == TRAININGS * len(MOST_LOST), done.stderr
    return whole["told"], lives


def test_trainings_killed_at_random_steps_end_alike_and_lose_little(tmp_path: Path):
    uninterrupted, lives = killed(tmp_path)

    assert {life["told"] for life in lives} == {uninterrupted}
    for signal, most_lost in MOST_LOST.items():
        of_signal = [life for life in lives if life["signal"] == signal]
        assert max(life["lost"] for life in of_signal) <= most_lost
        assert sum(life["kills"] for life in of_signal) >= TRAININGS, "else nothing was tested"
