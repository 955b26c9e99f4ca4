"""The problems this code location solves: one module or folder each, one line each below."""

from __future__ import annotations

from ml_assets.errors import UsageError
from ml_assets.problem import Problem
from ml_assets.problems import flight_delays

PROBLEMS: tuple[Problem, ...] = (flight_delays.PROBLEM,)


def problem_named(name: str) -> Problem:
    """The problem with this name.

    Raises:
        UsageError: if there is none.
    """
    for problem in PROBLEMS:
        if problem.name == name:
            return problem
    raise UsageError(f"There is no problem {name!r}. Known: {', '.join(problem.name for problem in PROBLEMS)}.")
