"""`ml-assets` as a person calls it: arguments in, exit code and what was printed out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from ml_assets.cli import main


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
