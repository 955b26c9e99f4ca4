"""The daemon is killed in the middle of its tick, ten times: no file is lost, none is run twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from ml_assets.store import open_store
from ml_assets_tests.doubles.dagster_dev import ROOT

KILLS = 10  # at each of the five points, twice


@pytest.mark.slow
def test_a_daemon_that_is_killed_in_its_tick_loses_no_file_and_runs_none_twice(tmp_path):
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ML_ASSETS_", "DAGSTER_"))}
    places = {"ML_ASSETS_STORE": str(tmp_path / "store"), "ML_ASSETS_LANDING": str(tmp_path / "landing")}
    done = subprocess.run(
        [sys.executable, "-m", "ml_assets_tests.orchestration.crash_daemon", str(tmp_path), str(KILLS)],
        cwd=tmp_path,
        env={**kept, **places, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout.splitlines()[-1])

    assert seen["killed"] == [signal.SIGKILL] * KILLS, "each was killed in its tick"
    assert len(seen["runs"]) == KILLS
    assert {run["status"] for run in seen["runs"]} == {"SUCCESS"}
    shops = [f"shop-{n:02d}" for n in range(KILLS)]
    assert sorted(run["partition"] for run in seen["runs"]) == shops, "each file, once"
    store = open_store(str(tmp_path / "store"))
    assert all(store.head("shops/champion", shop) for shop in shops)
