"""Commands know a feature group as they know a problem, and plan and run it before what shares it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_assets.orchestration import selection
from ml_assets.store import open_landing
from ml_assets_tests.cli.conftest import Call
from ml_assets_tests.doubles import ponchos

EVERY = ("ponchos/dataset,sky", "--partitions", "2024-01..2024-02")
Said = Callable[..., list[str]]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in whose landing folder there is nothing."""
    for name in [name for name in os.environ if name.startswith(("ML_ASSETS_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for module in ("ml_assets.problems", "ml_assets.cli.work", "ml_assets.orchestration.try_out"):
        monkeypatch.setattr(f"{module}.PROBLEMS", (ponchos.GROUP, ponchos.PONCHOS))
    monkeypatch.setattr(selection, "definitions_module", lambda folder: "ml_assets_tests.cli.ponchos_definitions")
    return tmp_path


@pytest.fixture
def project(empty: Path) -> Path:
    landing = open_landing(str(empty / ".ml_assets" / "landing"))
    for month in ("2024-01", "2024-02"):
        landing.write(f"sky/sky/{month}.parquet", ponchos.observations(month))
        ponchos.land(landing, month)
    return empty


@pytest.fixture
def said(call: Call) -> Said:
    """What a command that must succeed prints, line by line."""

    def said(*arguments: str) -> list[str]:
        answer = call(*arguments)
        assert answer.code == 0, answer
        return [" ".join(line.split()) for line in answer.lines]

    return said


def test_a_group_is_planned_run_and_shown_with_what_shares_it(project, said):
    planned = "\n".join(said("plan", *EVERY))
    assert planned.index("sky/dataset 2024-01 compute") < planned.index(
        "ponchos/dataset 2024-01 open after sky/dataset@2024-01"
    )
    assert any(line.startswith("done: 4 steps, 4 runs") for line in said("run", *EVERY))
    assert "4 in all: 4 current" in said("plan", *EVERY)[-1]
    history = said("history", "sky")
    assert [line.split()[0] for line in history[2:4]] == ["2024-01", "2024-02"]
    assert "2 rebuilt, 2 identical" in said("reproduce", "sky/dataset@2024-02", "ponchos/dataset@2024-02")[-1]


def test_with_a_problem_the_groups_that_it_shares_land_are_planned_and_run_before_it(empty, said):
    months = ("--partitions", "2024-01..2024-02")
    landed = said("land", "ponchos", *months)
    assert landed[0] == "4 files, 0.0 MiB, in .ml_assets/landing/ponchos/, .ml_assets/landing/sky/"
    planned = said("plan", "ponchos", "--partition", "2024-02")
    # the sky of January, too: its last hours are known in February
    assert [line.split()[1] for line in planned if line.startswith("sky/dataset")] == ["2024-01", "2024-02"]
    ran = said("run", "ponchos", *months)
    assert ran[-2].startswith("done:")
    assert ran[-1] == "next: ml-assets history ponchos"
    assert said("run", "ponchos", *months)[0] == "done: nothing to do"
    assert not [line for line in said("plan", "ponchos/dataset", *months) if line.startswith("sky")]
    assert [line for line in said("plan", "+ponchos/dataset", *months) if line.startswith("sky")]


def test_a_problem_is_tried_with_the_groups_that_it_shares_and_a_group_by_itself(project, said):
    tried = said("try", "ponchos", "--partition", "2024-02", "--rows", "300", "--json")
    found = json.loads("\n".join(tried))
    assert [step["asset"] for step in found["steps"]][:2] == ["sky/dataset", "sky/dataset"]
    alone = said("try", "sky", "--partition", "2024-02")
    assert alone[-1] == "next: ml-assets run sky --partition 2024-02"
    assert not (project / ".ml_assets" / "store").exists()
