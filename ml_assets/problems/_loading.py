"""From files to problems, so that one that is broken takes nobody else's down.

Every module or folder of a package whose name does not begin with ``_`` is a problem or a feature group, and holds a ``PROBLEM``
or ``GROUP`` of the same name. Each is imported on its own; what goes wrong is kept as a value and shown where people look: as a
failed item in the UI, as a warning of every command, as the error of a command that asks for it.
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from ml_assets.errors import InvalidProblem
from ml_assets.problem import Problem
from ml_assets.problems._links import refuse_odd_links
from ml_assets.problems._places import folder_of, packages

T = TypeVar("T")
LONGEST_SUMMARY = 300
LONGEST_TRACEBACK = 4_000  # the end is kept: it says what went wrong


@dataclass(frozen=True)
class BrokenProblem:
    """A problem that cannot be used as it is written.

    Attributes:
        name: of its module or folder.
        summary: one line: file, line where there is one, and what was raised.
        traceback: from the first line of the problem's own code on.
    """

    name: str
    summary: str
    traceback: str


def load(package: str, folder: Path) -> tuple[tuple[Problem, ...], tuple[BrokenProblem, ...]]:
    """The problems of a package, whose files are in ``folder``, and those that are broken; each in the order of their names."""
    found = [attempt(name, partial(_problem, package, folder, name), folder) for name in _names(folder)]
    good = tuple(one for one in found if isinstance(one, Problem))
    return good, tuple(one for one in found if isinstance(one, BrokenProblem))


def load_all(named: Sequence[str], working_folder: Path) -> tuple[tuple[Problem, ...], tuple[BrokenProblem, ...]]:
    """The problems of all packages that are named somewhere, see ``_places``, and those that are broken.

    A package that cannot be found, or of which nobody can tell whether it is named, is broken as a whole. Of two problems
    with one name, which would be one in the store, the later is.
    """
    wanted = attempt("pyproject", partial(packages, named, working_folder))
    if isinstance(wanted, BrokenProblem):
        return (), (wanted,)
    good: dict[str, Problem] = {}
    broken: list[BrokenProblem] = []
    for package in wanted:
        folder = attempt(package.replace(".", "_"), partial(folder_of, package, working_folder))
        if isinstance(folder, BrokenProblem):
            broken.append(folder)
            continue
        found, faulty = load(package, folder)
        broken += [*faulty, *(_twice(problem, package) for problem in found if problem.name in good)]
        good = {**{problem.name: problem for problem in found}, **good}
    return linked(tuple(good.values()), broken)


def linked(
    problems: Sequence[Problem], broken: Iterable[BrokenProblem] = ()
) -> tuple[tuple[Problem, ...], tuple[BrokenProblem, ...]]:
    """The problems that share only what is there to be shared; the others are broken, too."""
    known = [*broken]
    names = {one.name for one in known}
    odd = {p.name: attempt(p.name, partial(refuse_odd_links, p, problems, names)) for p in problems}
    known += [one for one in odd.values() if one is not None]
    return tuple(problem for problem in problems if odd[problem.name] is None), tuple(known)


def _twice(problem: Problem, package: str) -> BrokenProblem:
    said = f"{package} has a problem {problem.name}, and so has a package that is named before it. Rename one of them."
    return BrokenProblem(f"{package.replace('.', '_')}_{problem.name}", said, said)


def elsewhere(name: str, modules: Iterable[str]) -> Problem | None:
    """The problem of this name in one of these modules, which need not be here, and are thereby imported."""
    for module in modules:
        for value in vars(importlib.import_module(module)).values():
            if isinstance(value, Problem) and value.name == name:
                return value
    return None


def attempt(name: str, make: Callable[[], T], folder: Path | None = None) -> T | BrokenProblem:
    """What ``make`` returns, or how the problem ``name`` broke it; ``folder`` is where its file is, if it is about that.

    Here, and only here, everything is caught: a problem is somebody's code, which may raise anything while it is imported
    or looked at, and must not take the other problems with it. ``SystemExit`` too: a file written as a script ends with
    ``sys.exit()``, and would end the code server. Ctrl-C remains Ctrl-C.
    """
    try:
        return make()
    except (Exception, SystemExit) as error:
        return _broken(name, error, folder)


def _names(folder: Path) -> list[str]:
    """What should be problems. A folder without any Python file is none: git leaves such behind when it changes branches."""
    files = {path.stem for path in folder.glob("*.py")}
    folders = {path.name for path in folder.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    return sorted(name for name in files | folders if not name.startswith(("_", ".")))


def _problem(package: str, folder: Path, name: str) -> Problem:
    """The problem in a module, which is thereby imported."""
    if (folder / name).is_dir() and (folder / f"{name}.py").exists():
        raise InvalidProblem(
            f"There are {name}.py and a folder {name}/: two problems with one name. Rename one of them."
        )
    module = importlib.import_module(f"{package}.{name}")
    problem = getattr(module, "PROBLEM", getattr(module, "GROUP", None))
    if problem is None:
        raise InvalidProblem(
            "It defines no PROBLEM. End it with PROBLEM = Problem(name=…), or with GROUP = FeatureGroup(name=…); a folder does "
            "so in its __init__.py. What is no problem of its own has a name that begins with _."
        )
    if not isinstance(problem, Problem):
        raise InvalidProblem(f"PROBLEM is of type {type(problem).__name__}. Write PROBLEM = Problem(name=…).")
    if problem.name != name:
        raise InvalidProblem(
            f"It is called {name!r}, its PROBLEM {problem.name!r}. Give both one name, so that who sees the one finds the "
            "other; what was made is kept under the problem's."
        )
    return problem


def _broken(name: str, error: BaseException, folder: Path | None) -> BrokenProblem:
    frames = [at for at in _frames(error.__traceback__) if not _is_ours(at)]
    lines = "".join(traceback.format_exception(type(error), error, frames[0] if frames else None))
    where = name if folder is None else _where(name, error, frames, folder)
    return BrokenProblem(name, f"{where}: {_said(error)}", _end_of(lines, LONGEST_TRACEBACK))


def _where(name: str, error: BaseException, frames: list[TracebackType], folder: Path) -> str:
    """The file, as people know it from the repository, and the line in it, if there is one."""
    at = [(tb.tb_frame.f_code.co_filename, tb.tb_lineno) for tb in frames]
    if isinstance(error, SyntaxError) and error.filename:
        at.append((error.filename, error.lineno or 1))
    whole = folder / name if (folder / name).is_dir() else folder / f"{name}.py"
    inside = [f"{file}:{line}" for file, line in at if Path(file).is_relative_to(folder)]
    return [str(whole), *inside][-1].removeprefix(f"{folder.parents[1]}/")


def _said(error: BaseException) -> str:
    """The exception's name and the first line of its message; of a message that cannot be had, what Python says then."""
    name = type(error).__name__
    lines = "".join(traceback.format_exception_only(error)).splitlines()
    said = next((line for line in lines if line.partition(":")[0].rpartition(".")[2] == name), name)
    line = said[said.index(name) :]
    return line if len(line) <= LONGEST_SUMMARY else f"{line[:LONGEST_SUMMARY]}…"


def _end_of(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"…\n{text[-longest:]}"


def _frames(at: TracebackType | None) -> Iterator[TracebackType]:
    while at is not None:
        yield at
        at = at.tb_next


def _is_ours(at: TracebackType) -> bool:
    """Whether it is a line of this file or of Python's import, which say nothing about the problem."""
    file = at.tb_frame.f_code.co_filename
    return file in (__file__, importlib.__file__) or file.startswith("<frozen importlib")
