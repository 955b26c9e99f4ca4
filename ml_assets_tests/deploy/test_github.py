"""deploy/github/models.yml in a repository of one's own: its steps are run as a runner runs them, but for GitHub itself."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_assets.cli import main

WORKFLOW = yaml.safe_load((Path(__file__).parents[2] / "deploy" / "github" / "models.yml").read_text())
STEPS: list[dict[str, Any]] = WORKFLOW["jobs"]["models"]["steps"]
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")  # as GitHub calls it
GH = """#!/bin/sh
echo "$@" >> "$RUNNER_TEMP/gh"
case "$*" in *--paginate*) cat "$RUNNER_TEMP/comments" 2>/dev/null;; esac
exit 0
"""


@dataclass(frozen=True)
class Runner:
    repository: Path
    temp: Path

    def run(self, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**self._environment(), **more}
        return subprocess.run(
            [*BASH, script], check=False, cwd=self.repository, env=environment, capture_output=True, text=True
        )

    def job(self, **more: str) -> dict[str, int]:
        """The exit code of each of our steps; after one that fails only those that always run."""
        codes: dict[str, int] = {}
        for step in STEPS:
            if "run" in step and step["name"] != "install" and self._is_due(step, codes):
                codes[step["name"]] = self.run(step["run"], PULL="7", **more).returncode
        return codes

    @property
    def summary(self) -> str:
        return (self.temp / "summary").read_text()

    @property
    def gh(self) -> list[str]:
        return (self.temp / "gh").read_text().splitlines()

    def _is_due(self, step: dict[str, Any], codes: dict[str, int]) -> bool:
        return "always()" in step.get("if", "") or not any(codes.values())

    def _environment(self) -> dict[str, str]:
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("ML_ASSETS_", "DAGSTER_", "GIT_"))
        }
        folders = (self.temp / "bin", Path(sys.executable).parent)
        return {
            **kept,
            "PATH": os.pathsep.join([*map(str, folders), kept["PATH"]]),
            "PYTHONPATH": str(self.repository),
            "ML_ASSETS_STORE": str(self.temp / "store"),
            "ML_ASSETS_LANDING": str(self.temp / "landing"),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
            "GITHUB_REPOSITORY": "acme/models",
        }


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """A checkout of a repository that `ml-assets new` wrote, whose `main` has made everything."""
    monkeypatch.chdir(tmp_path)
    assert main(["new", "acme"]) == 0
    found = Runner(tmp_path / "acme", tmp_path / "runner")
    (found.temp / "bin").mkdir(parents=True)
    (found.temp / "bin" / "gh").write_text(GH)
    (found.temp / "bin" / "gh").chmod(0o755)
    made = found.run("""
        git init --quiet && git add --all && git -c user.name=ada -c user.email=ada@example.com commit --quiet -m one
        ml-assets land tumours && ml-assets run tumours --partition wisconsin
    """)
    assert made.returncode == 0, made.stderr
    return found


def edit(runner: Runner, before: str, after: str) -> None:
    file = runner.repository / "acme" / "problems" / "tumours.py"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))
    commit = "git -c user.name=ada -c user.email=ada@example.com commit --quiet --all -m edited"
    assert runner.run(commit).returncode == 0


def commit_of(runner: Runner) -> str:
    return runner.run("git rev-parse HEAD").stdout.strip()


@pytest.mark.slow
def test_a_request_is_judged_summed_up_and_commented_and_fails_where_a_model_cannot_be_made(runner):
    assert runner.job() == {"judge": 0, "summary": 0, "comment": 0}
    assert "passed: nothing is touched" in runner.summary
    assert runner.gh[-1] == f"pr comment 7 --body-file {runner.temp}/models.md"

    edit(runner, "c: float = 1.0", "c: float = 0.5")
    (runner.temp / "comments").write_text("41\n")
    assert runner.job() == {"judge": 0, "summary": 0, "comment": 0}
    assert "params.c 1.0" in runner.summary
    assert (runner.temp / "store" / "refs" / f"ci=2F{commit_of(runner)[:12]}" / "tumours" / "model").is_dir()
    assert runner.gh[-1].startswith("api --method PATCH repos/acme/models/issues/comments/41 --field body=@")

    edit(runner, 'data["concavity"] /', 'data["concave"] /')
    assert runner.job() == {"judge": 1, "summary": 0, "comment": 0}
    assert "KeyError" in runner.summary
    assert 'failures="1"' in (runner.temp / "models.xml").read_text()


def test_without_secrets_nothing_is_judged_and_that_is_said(tmp_path):
    runner = Runner(tmp_path, tmp_path)
    assert runner.job(ML_ASSETS_STORE="")["judge"] == 0
    assert "No model was judged: the secret ML_ASSETS_STORE is not set" in runner.summary


def test_every_secret_that_a_step_reads_is_named_at_the_top():
    text = (Path(__file__).parents[2] / "deploy" / "github" / "models.yml").read_text()
    head = text.partition("name: models")[0]
    assert [name for name in ("ML_ASSETS_STORE", "ML_ASSETS_LANDING", "AWS_ROLE") if name not in head] == []
    assert WORKFLOW["permissions"] == {"contents": "read", "id-token": "write", "pull-requests": "write"}
