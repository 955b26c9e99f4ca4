"""Commands know a feature group as they know a problem, and plan and run it before what shares it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml_assets.store import open_landing
from ml_assets_tests.doubles import ponchos

ROOT = Path(__file__).parents[2]
MODULES = {
    "__init__": "",
    "sky": "from ml_assets_tests.doubles.ponchos import GROUP",
    "ponchos": "from ml_assets_tests.doubles.ponchos import PONCHOS as PROBLEM",
}
MAIN = "import sys; from ml_assets.cli import main; sys.exit(main(sys.argv[1:]))"
EVERY = ("ponchos/dataset,sky", "--partitions", "2024-01..2024-02")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "showers").mkdir()
    for name, code in MODULES.items():
        (tmp_path / "showers" / f"{name}.py").write_text(code)
    (tmp_path / "pyproject.toml").write_text('[tool.ml_assets]\nproblems = ["showers"]\n')
    landing = open_landing(str(tmp_path / ".ml_assets" / "landing"))
    for month in ("2024-01", "2024-02"):
        landing.write(f"sky/sky/{month}.parquet", ponchos.observations(month))
        ponchos.land(landing, month)
    return tmp_path


def said(project: Path, *arguments: str) -> list[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ML_ASSETS_", "DAGSTER_"))}
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        cwd=project,
        env={**own, "PYTHONPATH": f"{project}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_a_group_is_planned_run_and_shown_with_what_shares_it(project):
    planned = "\n".join(said(project, "plan", *EVERY))
    assert planned.index("sky/dataset 2024-01 compute") < planned.index(
        "ponchos/dataset 2024-01 open after sky/dataset@2024-01"
    )
    assert any(line.startswith("done: 4 steps, 2 runs") for line in said(project, "run", *EVERY))
    assert "4 in all: 4 current" in said(project, "plan", *EVERY)[-1]
    history = said(project, "history", "sky")
    assert [line.split()[0] for line in history[2:4]] == ["2024-01", "2024-02"]
    assert "2 rebuilt, 2 identical" in said(project, "reproduce", "sky/dataset@2024-02", "ponchos/dataset@2024-02")[-1]
