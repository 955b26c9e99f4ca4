"""`ml-assets` as a person calls it: arguments in, exit code and what was printed out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import ml_assets
from ml_assets.cli import main
from ml_assets.orchestration import selection
from ml_assets_tests.conftest import PROBLEMS
from ml_assets_tests.doubles import ice_cream, umbrellas

ROOT = Path(ml_assets.__file__).parents[1]


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Answer]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as left:  # argparse: --help, --version, and what it cannot parse
            code = left.code if isinstance(left.code, int) else 1
        return Answer(code, *capsys.readouterr())

    return call


@pytest.fixture
def refused(call: Call) -> Callable[..., str]:
    """The message of a command that must be refused: code 2 (not understood) or 3, on standard error, nothing else."""

    def refused(code: int, *arguments: str) -> str:
        answer = call(*arguments)
        assert (answer.code, answer.out) == (code, ""), answer
        return answer.err.removesuffix("\n")

    return refused


@pytest.fixture
def project(own, tmp_path, monkeypatch):
    """A project's root, with the dagster.yaml that we ship and the tiny problems as its code location."""
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(selection, "definitions_module", lambda folder: "ml_assets_tests.cli.definitions")
    return own


@pytest.fixture
def edited(monkeypatch):
    """Edits the problem `umbrellas`, as somebody's checkout would have it."""

    def edit(**fields: object) -> None:
        problem = replace(PROBLEMS[0], **fields)
        monkeypatch.setattr("ml_assets.problems.PROBLEMS", (problem, ice_cream.PROBLEM))
        monkeypatch.setattr(umbrellas, "PROBLEM", problem)

    return edit
