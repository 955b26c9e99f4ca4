"""The problems this code location solves: every module or folder of the named packages whose name does not begin with ``_``.

Which packages are named, ``_places.py`` says; where none is, it is this one, whose problems are examples. To add a problem,
write its file. One that cannot be imported or makes no sense is in ``BROKEN``; the others keep working.
"""

from __future__ import annotations

from pathlib import Path

from ml_assets.errors import InvalidProblem, UsageError
from ml_assets.problem import Problem
from ml_assets.problems._links import in_order_of_sharing
from ml_assets.problems._loading import BrokenProblem, attempt, elsewhere, linked, load, load_all
from ml_assets.problems._places import definitions_module
from ml_assets.settings import problems_named

__all__ = [
    "BROKEN",
    "PROBLEMS",
    "BrokenProblem",
    "attempt",
    "definitions_module",
    "elsewhere",
    "in_order_of_sharing",
    "linked",
    "load",
    "load_all",
    "problem_named",
]

PROBLEMS: tuple[Problem, ...]
BROKEN: tuple[BrokenProblem, ...]
PROBLEMS, BROKEN = load_all(problems_named(), Path.cwd())


def problem_named(name: str) -> Problem:
    """The problem with this name.

    Raises:
        InvalidProblem: if it is broken.
        UsageError: if there is none.
    """
    for problem in PROBLEMS:
        if problem.name == name:
            return problem
    for broken in BROKEN:
        if broken.name == name:
            raise InvalidProblem(
                f"The problem {name} cannot be used: {broken.summary}\nMend it; what it made before is untouched, and "
                f"ml-assets history {name}/model shows it. The whole error:\n\n{broken.traceback}"
            )
    raise UsageError(f"There is no problem {name!r}. Known: {', '.join(problem.name for problem in PROBLEMS)}.")
