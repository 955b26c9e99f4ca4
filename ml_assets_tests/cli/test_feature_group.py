"""Commands know a feature group as they know a problem, and plan and run it before what shares it."""

from __future__ import annotations

import json
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
def empty(tmp_path: Path) -> Path:
    """A project in whose landing folder there is nothing."""
    (tmp_path / "showers").mkdir()
    for name, code in MODULES.items():
        (tmp_path / "showers" / f"{name}.py").write_text(code)
    (tmp_path / "pyproject.toml").write_text('[tool.ml_assets]\nproblems = ["showers"]\n')
    return tmp_path


@pytest.fixture
def project(empty: Path) -> Path:
    landing = open_landing(str(empty / ".ml_assets" / "landing"))
    for month in ("2024-01", "2024-02"):
        landing.write(f"sky/sky/{month}.parquet", ponchos.observations(month))
        ponchos.land(landing, month)
    return empty


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
    assert any(line.startswith("done: 4 steps, 4 runs") for line in said(project, "run", *EVERY))
    assert "4 in all: 4 current" in said(project, "plan", *EVERY)[-1]
    history = said(project, "history", "sky")
    assert [line.split()[0] for line in history[2:4]] == ["2024-01", "2024-02"]
    assert "2 rebuilt, 2 identical" in said(project, "reproduce", "sky/dataset@2024-02", "ponchos/dataset@2024-02")[-1]


def test_with_a_problem_the_groups_that_it_shares_land_are_planned_and_run_before_it(empty):
    months = ("--partitions", "2024-01..2024-02")
    landed = said(empty, "land", "ponchos", *months)
    assert landed[0] == "4 files, 0.0 MiB, in .ml_assets/landing/ponchos/, .ml_assets/landing/sky/"
    planned = said(empty, "plan", "ponchos", "--partition", "2024-02")
    # the sky of January, too: its last hours are known in February
    assert [line.split()[1] for line in planned if line.startswith("sky/dataset")] == ["2024-01", "2024-02"]
    ran = said(empty, "run", "ponchos", *months)
    assert ran[-2].startswith("done:")
    assert ran[-1] == "next: ml-assets history ponchos"
    assert said(empty, "run", "ponchos", *months)[0] == "done: nothing to do"
    assert not [line for line in said(empty, "plan", "ponchos/dataset", *months) if line.startswith("sky")]
    assert [line for line in said(empty, "plan", "+ponchos/dataset", *months) if line.startswith("sky")]


def test_a_problem_is_tried_with_the_groups_that_it_shares_and_a_group_by_itself(project):
    tried = said(project, "try", "ponchos", "--partition", "2024-02", "--rows", "300", "--json")
    found = json.loads("\n".join(tried))
    assert [step["asset"] for step in found["steps"]][:2] == ["sky/dataset", "sky/dataset"]
    alone = said(project, "try", "sky", "--partition", "2024-02")
    assert alone[-1] == "next: ml-assets run sky --partition 2024-02"
    assert not (project / ".ml_assets" / "store").exists()
