"""Which packages hold problems: those that the environment, the working folder or what is installed names, else the examples.

    ML_ASSETS_PROBLEMS=acme.problems             several are separated by commas
    [tool.ml_assets] problems = ["acme.problems"]     in the working folder's pyproject.toml
    [project.entry-points."ml_assets.problems"]  acme = "acme.problems", of an installed package

The first of these that names any counts alone. The examples that ship are among them if they are named: ``ml_assets.problems``.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_assets.errors import InvalidProblem

EXAMPLES = GROUP = "ml_assets.problems"
ALONE = "ml_assets.definitions"


def packages(named: Sequence[str], working_folder: Path) -> tuple[str, ...]:
    """The names of the packages, in order.

    Args:
        named: by the environment.
    Raises:
        InvalidProblem: if pyproject.toml cannot be read, or names no list of packages.
    """
    found = named or _in_pyproject(working_folder / "pyproject.toml") or _installed() or (EXAMPLES,)
    return tuple(dict.fromkeys(found))


def folder_of(package: str, working_folder: Path) -> Path:
    """Where a package's files are; the packages that it is in are imported.

    One that is not installed is looked for in the working folder, too.

    Raises:
        InvalidProblem: if there is no such package.
    """
    if str(working_folder) not in sys.path and _top_level_is_missing(package):
        sys.path.append(str(working_folder))
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{package}.".startswith(f"{error.name}."):
            raise
        spec = None
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise InvalidProblem(
            f"There is no package {package}, in which problems are to be. It is named by ML_ASSETS_PROBLEMS, by pyproject.toml "
            f"in {working_folder}, or by an installed package. Install it, or run in the folder that it is in; a package is a "
            "folder with an __init__.py."
        )
    return Path(places[0])


def _top_level_is_missing(package: str) -> bool:
    return importlib.util.find_spec(package.partition(".")[0]) is None


def definitions_module(working_folder: Path) -> str:
    """The module that holds the Dagster definitions which commands run: those of a project that problems are merged into, if
    pyproject.toml names it, else those of the problems alone.

        [tool.ml_assets] definitions = "acme.definitions"

    Raises:
        InvalidProblem: if pyproject.toml cannot be read, or names no module.
    """
    file = working_folder / "pyproject.toml"
    named = _said_in(file).get("definitions", ALONE)
    if not (isinstance(named, str) and all(part.isidentifier() for part in named.split("."))):
        raise InvalidProblem(
            f'{file}: [tool.ml_assets] definitions is {named!r}. Write the name of a module: definitions = "acme.definitions".'
        )
    return named


def _said_in(file: Path) -> Mapping[str, Any]:
    """What ``[tool.ml_assets]`` says."""
    import tomllib

    try:
        said: Any = tomllib.loads(file.read_text()).get("tool", {}).get("ml_assets", {})
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise InvalidProblem(f"{file} is no TOML: {error}. Which problems there are is not known; mend it.") from error
    return said if isinstance(said, Mapping) else {}


def _in_pyproject(file: Path) -> tuple[str, ...]:
    named = _said_in(file).get("problems", ())
    if isinstance(named, str) or not all(isinstance(name, str) for name in named):
        raise InvalidProblem(
            f'{file}: [tool.ml_assets] problems is {named!r}. Write a list of packages: problems = ["acme.problems"].'
        )
    return tuple(named)


def _installed() -> tuple[str, ...]:
    from importlib.metadata import entry_points

    return tuple(sorted(point.value for point in entry_points(group=GROUP)))
