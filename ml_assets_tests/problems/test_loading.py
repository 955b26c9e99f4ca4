"""A problem is a file in a folder; one that is broken is a value that says how, and takes no other with it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from ml_assets import problems
from ml_assets.errors import InvalidProblem, UsageError
from ml_assets.problem import Problem
from ml_assets.problems import BrokenProblem, elsewhere, load, problem_named

GOOD = """
import dataclasses
from ml_assets_tests.doubles import umbrellas
PROBLEM = dataclasses.replace(umbrellas.PROBLEM, name="NAME")
"""
Loaded = tuple[tuple[Problem, ...], tuple[BrokenProblem, ...]]
packages = count()


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Loaded]]:
    """``loaded({"rain.py": code, …})``: what a package of these files holds."""
    name = f"team_{next(packages)}"
    monkeypatch.syspath_prepend(tmp_path)

    def loaded(files: dict[str, str]) -> Loaded:
        for path, code in {"__init__.py": "", **files}.items():
            file = tmp_path / name / "problems" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(code)
        return load(f"{name}.problems", tmp_path / name / "problems")

    yield loaded
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


def test_each_file_and_folder_is_a_problem_in_the_order_of_their_names(loaded):
    good, broken = loaded(
        {
            "storms.py": GOOD.replace("NAME", "storms"),
            "rain/__init__.py": "from ._words import WORD\n" + GOOD.replace("NAME", "rain"),
            "rain/_words.py": "WORD = 'wet'",
            "hail.py": GOOD.replace("NAME", "hail"),
        }
    )
    assert [problem.name for problem in good] == ["hail", "rain", "storms"]
    assert broken == ()


def test_what_begins_with_an_underscore_and_folders_without_code_are_no_problems(loaded, tmp_path):
    files = {
        "_shared.py": "1 / 0",
        "_draft/__init__.py": "1 / 0",
        "rain/__pycache__/old.pyc": "",
        ".hidden/x.py": "1 / 0",
    }
    assert loaded({**files, "notes.md": "later"}) == ((), ())


SHIPPED = ("flight_delays",)


def test_the_problems_that_ship_are_sound():
    assert problems.BROKEN == ()
    assert {problem.name for problem in problems.PROBLEMS} >= set(SHIPPED)


BROKEN = {
    "import": ("import sunshine", "ModuleNotFoundError: No module named 'sunshine'", ":1"),
    "import from": ("\nfrom ml_assets.problem import Sunny", "ImportError: cannot import name 'Sunny'", ":2"),
    "syntax": ("x = 1\ndef f(:\n    pass", "SyntaxError: ", ":2"),
    "indentation": ("def f():\npass", "IndentationError: expected an indented block", ":2"),
    "any exception": ("def f():\n    return 1 / 0\nf()", "ZeroDivisionError: division by zero", ":2"),
    "exit": ("import sys\nsys.exit('done')", "SystemExit: done", ":2"),
    "an error without words": (
        "class Odd(Exception):\n    def __str__(self): 1 / 0\nraise Odd",
        "Odd: <exception str",
        ":3",
    ),
    "assertion over lines": ("raise AssertionError('one\\ntwo')", "AssertionError: one", ":1"),
    "endless": ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded", ":1"),
    "definition": (
        GOOD.replace('name="NAME"', "name='rain', metrics=()"),
        "InvalidProblem: Problem 'rain': metrics is empty; name at least the one that decides.",
        ":4",
    ),
    "type in definition": (GOOD.replace('name="NAME"', "name='rain', metrics=3"), "TypeError: ", ":4"),
    "partitions": (
        "from ml_assets.problem import *\nP = Monthly('January')",
        "InvalidProblem: Partition 'January' is not written YYYY-MM.",
        ":2",
    ),
    "no PROBLEM": ("x = 1", "InvalidProblem: It defines no PROBLEM.", ""),
    "another type": ("PROBLEM = {}", "InvalidProblem: PROBLEM is of type dict.", ""),
    "another name": (GOOD.replace("NAME", "snow"), "InvalidProblem: It is called 'rain', its PROBLEM 'snow'.", ""),
}


@pytest.mark.parametrize(("code", "said", "line"), BROKEN.values(), ids=BROKEN)
def test_a_broken_problem_is_named_with_file_line_and_error_and_the_others_load(loaded, code, said, line):
    good, (broken,) = loaded({"rain.py": code, "storms.py": GOOD.replace("NAME", "storms")})

    assert [problem.name for problem in good] == ["storms"]
    assert broken.name == "rain"
    where, _, message = broken.summary.partition(": ")
    assert where.endswith(f"/problems/rain.py{line}")
    assert message.startswith(said)
    assert "\n" not in broken.summary


def test_the_traceback_begins_in_the_problems_own_code(loaded):
    _, (broken,) = loaded({"rain.py": "def f():\n    return 1 / 0\nf()"})

    lines = broken.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].endswith('/problems/rain.py", line 3, in <module>')
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert "importlib" not in broken.traceback
    assert "_loading" not in broken.traceback


def test_the_line_is_the_problems_also_where_a_library_raised_below_it(loaded):
    _, (broken,) = loaded({"rain.py": "import json\n\njson.loads('{')"})

    assert "/problems/rain.py:3: JSONDecodeError: " in broken.summary
    assert "decoder.py" in broken.traceback


def test_the_error_in_a_folder_names_the_file_in_it(loaded):
    _, (broken,) = loaded({"rain/__init__.py": "from . import model", "rain/model.py": "\n\nimport sunshine"})

    assert "/problems/rain/model.py:3: ModuleNotFoundError" in broken.summary


def test_a_folder_without_init_is_told_that_it_defines_no_problem(loaded):
    _, (broken,) = loaded({"rain/model.py": "x = 1"})

    assert "/problems/rain: InvalidProblem: It defines no PROBLEM." in broken.summary


def test_a_file_and_a_folder_of_one_name_are_both_left_out(loaded):
    good, (broken,) = loaded(
        {"rain.py": GOOD.replace("NAME", "rain"), "rain/__init__.py": GOOD.replace("NAME", "rain")}
    )

    assert good == ()
    assert "InvalidProblem: There are rain.py and a folder rain/: two problems with one name" in broken.summary


def test_a_very_long_error_is_cut_where_it_says_least(loaded):
    _, (broken,) = loaded({"rain.py": "raise ValueError('x' * 100_000 + 'end')"})

    assert len(broken.summary) < 500
    assert len(broken.traceback) < 5_000
    assert broken.traceback.endswith("end\n")


def test_an_interrupt_is_no_broken_problem(loaded):
    with pytest.raises(KeyboardInterrupt):
        loaded({"rain.py": "raise KeyboardInterrupt"})


def test_asking_for_a_broken_problem_says_what_is_wrong_with_it(monkeypatch):
    monkeypatch.setattr(problems, "BROKEN", (BrokenProblem("rain", "rain.py:3: ValueError: wet", "Traceback …\nwet"),))

    with pytest.raises(InvalidProblem) as refused:
        problem_named("rain")
    assert str(refused.value) == (
        "The problem rain cannot be used: rain.py:3: ValueError: wet\n"
        "Mend it; what it made before is untouched, and ml-assets history rain/model shows it. The whole error:\n\n"
        "Traceback …\nwet"
    )
    with pytest.raises(UsageError, match=r"There is no problem 'snow'\. Known: "):
        problem_named("snow")


def test_a_file_whose_name_cannot_be_a_problems_is_told_so(loaded):
    _, (broken,) = loaded({"weather-2.py": GOOD.replace("NAME", "weather-2")})

    assert broken.name == "weather-2"
    assert "the name must be a lower-case identifier" in broken.summary


def test_a_problem_elsewhere_is_found_by_its_name_and_imported(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    name = f"team_{next(packages)}"
    (tmp_path / f"{name}.py").write_text(GOOD.replace("NAME", "sunshades"))
    found = elsewhere("sunshades", [name])
    assert found is not None
    assert found.name == "sunshades"
    assert elsewhere("rain", [name]) is None
    del sys.modules[name]
