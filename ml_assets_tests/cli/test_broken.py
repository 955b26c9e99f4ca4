"""A broken problem takes no command away from the others."""

from __future__ import annotations

import dataclasses

import pytest

from ml_assets import problems
from ml_assets.problems import BrokenProblem
from ml_assets_tests.conftest import PROBLEMS

RAIN = BrokenProblem(
    "rain", "ml_assets/problems/rain.py:3: ModuleNotFoundError: No module named 'sunshine'", "Traceback …\nsunshine"
)
WARNING = "warning: the problem rain cannot be used; why: ml-assets history rain\n"
MONTH = "2024-01"


@pytest.fixture
def broken(shared, monkeypatch) -> None:
    monkeypatch.setattr(problems, "BROKEN", (RAIN,))


@pytest.mark.parametrize(
    "arguments", [("history", "umbrellas"), ("show", "umbrellas/champion"), ("--help",)], ids=" ".join
)
def test_a_command_about_another_problem_works_and_warns_in_one_line(broken, call, arguments):
    answer = call(*arguments)
    assert (answer.code, answer.err) == (0, WARNING)
    assert answer.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("history", "rain"),
        ("run", "rain", "--partition", MONTH),
        ("run", "rain/model+", "--partition", MONTH),
        ("land", "rain"),
        ("rollback", "rain", "--why", "it is wrong"),
    ],
    ids=" ".join,
)
def test_a_command_about_the_broken_problem_is_refused_with_file_line_and_traceback(broken, refused, arguments):
    message = refused(3, *arguments)
    assert f"InvalidProblem: The problem rain cannot be used: {RAIN.summary}\nMend it;" in message
    assert message.endswith(RAIN.traceback)


def test_what_a_broken_problem_made_can_still_be_looked_at(shared, call, monkeypatch):
    monkeypatch.setattr(problems, "PROBLEMS", PROBLEMS[1:])
    monkeypatch.setattr(problems, "BROKEN", (dataclasses.replace(RAIN, name="umbrellas"),))
    assert call("history", "umbrellas/model").code == 0
    assert call("show", "umbrellas/champion").code == 0
    assert call("lineage", f"umbrellas/predictions@{MONTH}").code == 0
    assert call("verify", "umbrellas").code == 0
    assert call("champion", "umbrellas").code == 0
    assert call("champion", "umbrellas", "--log").code == 0
