"""The demo in the small, as a user would type it: three real months, a champion, predictions, and a night on call.

``demo`` is made once; what is typed there is typed in a copy of it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ml_assets_tests.test_readme import ML_ASSETS

ROOT = Path(__file__).parent.parent
MONTHS = ["2013-01", "2013-02", "2013-03"]
PARTITIONS = ("flight_delays", "--partitions", "2013-01..2013-03")
DEMO = [("land", *PARTITIONS), ("run", *PARTITIONS)]

pytestmark = pytest.mark.slow


@dataclass
class Shell:
    """A project folder somewhere else, with nothing but the shipped dagster.yaml in it."""

    folder: Path

    def __call__(self, *arguments: str, code: int = 0) -> Any:
        """Run ``ml-assets … --json`` and return what it said."""
        said = self.type(*arguments, "--json", code=code)
        return json.loads(said.stdout) if said.stdout else said.stderr

    def type(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run ``ml-assets …``, in an environment without what would lead elsewhere than the folder."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ML_ASSETS_", "DAGSTER_"))}
        done = subprocess.run(  # noqa: PLW1510 (the code is asserted below)
            [str(Path(sys.executable).with_name("ml-assets")), *arguments],
            cwd=self.folder,
            env={**kept, "ML_ASSETS_USER": "ada"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, f"{shlex.join(arguments)}\n{done.stdout}{done.stderr}"
        return done

    def copied_to(self, folder: Path) -> Shell:
        shutil.copytree(self.folder, folder)
        return Shell(folder)


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Shell:
    shell = Shell(tmp_path_factory.mktemp("demo"))
    shutil.copy(ROOT / "dagster.yaml", shell.folder)
    for arguments in DEMO:
        shell.type(*arguments)
    return shell


@pytest.fixture(scope="module")
def shell(demo, tmp_path_factory) -> Shell:
    return demo.copied_to(tmp_path_factory.mktemp("shell") / "demo")


def earlier(text: str) -> str:
    """The text about three months instead of six: they tell as much in half the time."""
    months = {"2013-06": "2013-03", "2013-04": "2013-02", "2013-03": "2013-01"}
    return re.sub("|".join(months), lambda found: months[found[0]], text)


def test_the_readmes_command_lines_work_one_after_the_other(demo, tmp_path):
    lines = [tuple(map(earlier, arguments)) for arguments in ML_ASSETS]
    assert lines[: len(DEMO)] == DEMO, "they were typed for the demo"
    shell = demo.copied_to(tmp_path / "demo")
    for arguments in lines[len(DEMO) :]:
        # view answers until it is stopped, and there is nobody to tell here: cli/test_view.py, cli/test_mirror.py
        if arguments not in (("view",), ("mirror",)):
            shell.type(*arguments)


def test_the_demo_ends_with_a_champion_and_predictions(shell):
    rows = shell("history", "flight_delays")
    assert [row["partition"] for row in rows] == MONTHS
    for row in rows:
        assert row["metrics"]["auroc"]["value"] > row["metrics"]["auroc"]["baseline"]
        assert row["metrics"]["auroc"]["low"] < row["metrics"]["auroc"]["value"] < row["metrics"]["auroc"]["high"]
        assert row["champion"] in {"moved", "kept", "cannot tell"}
        assert row["why"]
    assert rows[0]["champion"] == "moved"
    predictions = shell("show", "flight_delays/predictions@2013-03")
    assert predictions["notes"]["rows"] > 25_000


def test_a_prediction_leads_back_to_the_landed_files(shell):
    def landed(node: dict[str, Any]) -> set[str]:
        below = [landed(neighbour) for neighbour in node["neighbours"]]
        return {file["name"] for file in node["landed"]}.union(*below)

    files = landed(shell("lineage", "flight_delays/predictions@2013-03"))
    assert "flights/2013-03.parquet" in files
    assert "flights/2013-01.parquet" in files, "the champion was trained on earlier months"


def test_everything_that_was_made_is_whole(shell):
    report = shell("verify")
    assert report["damaged"] == []
    assert report["versions"] == 3 * (8 + 2), "those of the problem, and of the two groups that it shares"


def test_every_version_of_the_first_two_months_is_rebuilt_identical(shell):
    nouns = ("dataset", "features", "split", "model", "evaluation", "champion", "report", "predictions")
    references = [f"flight_delays/{noun}@{month}" for month in MONTHS[:2] for noun in nouns]
    verdicts = shell("reproduce", *references)
    assert [(verdict["state"], verdict["said"]) for verdict in verdicts] == [("identical", [])] * len(references)


def test_on_call_puts_the_champion_before_back_and_forth(shell):
    log = shell("champion", "flight_delays", "--log")
    assert len(log) >= 2, "February's model beats January's"
    back = shell("rollback", "flight_delays", "--why", "calibration is off")
    assert back["version"] == log[-2]["version"]
    assert shell("champion", "flight_delays")["kind"] == "rollback"
    forth = shell("promote", log[-1]["version"][:12], "--why", "it was the weather")
    assert forth["version"] == log[-1]["version"]
    moves = shell("champion", "flight_delays", "--log")
    assert moves[: len(log)] == log, "the ledger only grows"
    assert [move["by"] for move in moves[len(log) :]] == ["ada", "ada"]


def test_another_learning_rate_is_another_version_with_its_params(shell):
    before = shell("show", "flight_delays/model@2013-01")
    shell("run", "flight_delays/model", "--partition", "2013-01", "--set", "params.learning_rate=0.3")
    after = shell("show", "flight_delays/model@2013-01")
    assert before["params"]["learning_rate"] != 0.3
    assert after["params"]["learning_rate"] == 0.3
    assert after["content"]["files"] != before["content"]["files"]
