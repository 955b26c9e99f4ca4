"""The demo in the small, as a user would type it: two real months, a champion, predictions, and a night on call.

``demo`` is made once, by new interpreters; what is typed there is typed in a copy of it, in processes that are there at once.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ml_assets_tests.doubles.chain import IN_TIME
from ml_assets_tests.doubles.preloaded import preloaded
from ml_assets_tests.test_readme import ML_ASSETS

ROOT = Path(__file__).parent.parent
MONTHS = ["2013-01", "2013-02"]
PARTITIONS = ("flight_delays", "--partitions", "2013-01..2013-02")
DEMO = [("land", *PARTITIONS), ("run", *PARTITIONS)]

pytestmark = pytest.mark.slow


def new_interpreter(argv: list[str], *, env: dict[str, str], cwd: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False)


@dataclass
class Shell:
    """A project folder somewhere else, with nothing but the shipped dagster.yaml in it."""

    folder: Path
    start: Callable[..., subprocess.CompletedProcess[str]] = new_interpreter

    def __call__(self, *arguments: str, code: int = 0) -> Any:
        """Run ``ml-assets … --json`` and return what it said."""
        said = self.type(*arguments, "--json", code=code)
        return json.loads(said.stdout) if said.stdout else said.stderr

    def type(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run ``ml-assets …``, in an environment without what would lead elsewhere than the folder."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ML_ASSETS_", "DAGSTER_"))}
        command = [str(Path(sys.executable).with_name("ml-assets")), *arguments]
        done = self.start(command, env={**kept, "ML_ASSETS_USER": "ada"}, cwd=str(self.folder))
        assert done.returncode == code, f"{shlex.join(arguments)}\n{done.stdout}{done.stderr}"
        return done

    def copied_to(self, folder: Path) -> Shell:
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder)


ELSEWHERE = {
    "view": "answers until it is stopped: cli/test_view.py",
    "sign": "needs a key: cli/test_sign.py",
    "push": "needs a store to send to: cli/test_branch.py",
    "merge": "needs a branch: cli/test_branch.py",
    "serve": "answers until it is stopped: cli/test_serve.py",
    "mirror": "there is nobody to tell: cli/test_mirror.py",
    "ci": "trains what was never made: cli/test_ci.py",
    "calibrate-promotion": "needs five windows: cli/test_calibrate.py",
    "approve": "flight_delays asks for no approval: cli/test_approve.py",
    "failures": "nor for failures: cli/test_failures.py",
}
"""Verbs of the README whose lines cannot be typed after the demo, and where they are tried."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Shell]:
    shell = Shell(tmp_path_factory.mktemp("demo"))
    shutil.copy(ROOT / "dagster.yaml", shell.folder)
    for arguments in DEMO:
        shell.type(*arguments)
    with preloaded(tmp_path_factory.mktemp("forked")) as forked:
        yield replace(shell, start=forked.run)


@pytest.fixture(scope="module")
def shell(demo, tmp_path_factory) -> Shell:
    return demo.copied_to(tmp_path_factory.mktemp("shell") / "demo")


def earlier(text: str) -> str:
    """The text about two months instead of six: they tell as much in a third of the time."""
    months = {"2013-06": "2013-02", "2013-04": "2013-01", "2013-03": "2013-01"}
    return re.sub("|".join(months), lambda found: months[found[0]], text)


def test_the_readmes_command_lines_work_one_after_the_other(demo, tmp_path):
    lines = [tuple(map(earlier, arguments)) for arguments in ML_ASSETS]
    assert lines[: len(DEMO)] == DEMO, "they were typed for the demo"
    shell = demo.copied_to(tmp_path / "demo")
    for arguments in lines[len(DEMO) :]:
        if arguments[0] not in ELSEWHERE:
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
    predictions = shell("show", "flight_delays/predictions@2013-02")
    assert predictions["notes"]["rows"] > 24_000


def test_a_prediction_leads_back_to_the_landed_files(shell):
    def landed(node: dict[str, Any]) -> set[str]:
        below = [landed(neighbour) for neighbour in node["neighbours"]]
        return {file["name"] for file in node["landed"]}.union(*below)

    files = landed(shell("lineage", "flight_delays/predictions@2013-02"))
    assert "flights/2013-02.parquet" in files
    assert "flights/2013-01.parquet" in files, "the champion was trained on earlier months"


def test_everything_that_was_made_is_whole(shell):
    report = shell("verify")
    assert report["damaged"] == []
    assert report["versions"] == 2 * (10 + 2), "those of the problem, and of the two groups that it shares"


def test_every_version_of_a_month_is_rebuilt_identical(shell):
    nouns = IN_TIME
    references = [f"flight_delays/{noun}@{month}" for month in MONTHS[1:] for noun in nouns]
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
