"""Links from an asset to the code of the people who own the problem, not to ours that calls it."""

from __future__ import annotations

import functools
import inspect
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import dagster as dg

from ml_assets.problem import Problem


def code_references(*functions: Callable[..., Any]) -> dict[str, Any]:
    """Where functions are defined, as metadata of an asset; those without Python code of their own are left out.

    No file is read: a code object knows its file and line.
    """
    codes = dict.fromkeys(filter(None, map(_code, functions)))
    return _metadata((code.co_filename, code.co_firstlineno, code.co_name) for code in codes)


def definition_of(problem: Problem) -> dict[str, Any]:
    """The file that makes the problem: the module, among those of its functions and their packages, that holds it."""
    functions = (problem.dataset, problem.features, problem.train, problem.predict)
    for name in dict.fromkeys(name for function in functions if function for name in _modules(function)):
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if file and any(value is problem for value in vars(module).values()):
            return _metadata([(file, None, problem.name)])
    return {}


def _metadata(places: Iterable[tuple[str, int | None, str]]) -> dict[str, Any]:
    """Of file, line and label each; nothing where there are none."""
    with warnings.catch_warnings():  # references are in beta in 1.13: pinned, and held by our tests
        warnings.simplefilter("ignore", dg.BetaWarning)
        found = [dg.LocalFileCodeReference(file_path=f, line_number=line, label=label) for f, line, label in places]
        value = dg.CodeReferencesMetadataValue(code_references=[*found])
    return {"dagster/code_references": value} if found else {}


def _code(function: Callable[..., Any]) -> types.CodeType | None:
    inner: Any = function
    while True:
        plain = inspect.unwrap(inner)
        if isinstance(plain, functools.partial):
            inner = plain.func
        else:
            return getattr(plain, "__code__", None)


def _modules(function: Callable[..., Any]) -> Iterator[str]:
    """The module of a function and its packages, innermost first."""
    name = getattr(function, "__module__", None) or ""
    while name:
        yield name
        name = name.rpartition(".")[0]
