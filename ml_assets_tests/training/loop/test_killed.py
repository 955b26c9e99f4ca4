"""kill -9 at random steps, and SIGTERM: the same bits in the end, and little lost each time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ml_assets_tests.training.loop.killed import INTERVAL


def killed(folder: Path, signal: str, trainings: int) -> tuple[str, list[dict]]:
    """The digest of an uninterrupted training, and what came of those that were killed."""
    command = [sys.executable, "-m", "ml_assets_tests.training.loop.killed", str(folder), signal, str(trainings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=800)
    assert done.returncode == 0, done.stderr
    whole, *lives = map(json.loads, done.stdout.splitlines())
    assert len(lives) == trainings, done.stderr
    return whole["told"], lives


@pytest.mark.parametrize(
    ("signal", "most_lost", "trainings"),
    [
        pytest.param("SIGKILL", INTERVAL, 3, id="kill -9"),
        pytest.param("SIGTERM", 1, 3, id="SIGTERM"),
        pytest.param("SIGKILL", INTERVAL, 100, id="100 kill -9", marks=pytest.mark.slow),
        pytest.param("SIGTERM", 1, 100, id="100 SIGTERM", marks=pytest.mark.slow),
    ],
)
def test_trainings_killed_at_random_steps_end_alike_and_lose_little(
    tmp_path: Path, signal: str, most_lost: int, trainings: int
):
    uninterrupted, lives = killed(tmp_path, signal, trainings)

    assert {life["told"] for life in lives} == {uninterrupted}
    assert max(life["lost"] for life in lives) <= most_lost
    assert sum(life["kills"] for life in lives) >= trainings, "else nothing was tested"
