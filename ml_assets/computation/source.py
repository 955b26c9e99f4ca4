"""A module's source: parsed, never imported, and read by what its statements bind.

Importing what is only looked at would load Dagster and every heavy library, and would show only what happened to run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from ml_assets.computation.names import Function, Imported, bound, imported, parse
from ml_assets.store import digest

Definition = Function | ast.ClassDef


@dataclass(frozen=True, eq=False)
class Source:
    """One module's file.

    Attributes:
        name: of the module, in full.
        package: what its relative imports start from.
        doc: the module's docstring. Docstrings are not in ``statements``, nor is anything below them.
        statements: of the module, in order; imports one name each, those for type checkers among them.
    """

    name: str
    path: Path
    package: str
    doc: str
    statements: tuple[ast.stmt, ...]

    @cached_property
    def bindings(self) -> dict[str, list[ast.stmt]]:
        """Name -> the statements of the module that bind it."""
        found: dict[str, list[ast.stmt]] = {}
        for statement in self.statements:
            for name in dict.fromkeys(bound(statement)):
                found.setdefault(name, []).append(statement)
        return found

    @cached_property
    def imports(self) -> dict[str, tuple[Imported, ...]]:
        """Name -> what imports bind to it, wherever in the module's own statements."""
        return imported(self.statements, self.package)

    @cached_property
    def stars(self) -> tuple[str, ...]:
        """The modules of which everything is imported."""
        return tuple(one.module for one in self.imports.get("*", ()))

    def definitions(self, names: Sequence[str]) -> list[tuple[Definition, tuple[Function, ...]]]:
        """The functions or classes that a path of names leads to, each with the functions that it is defined in.

        A path through a class ends there: a class counts as a whole.
        """
        return list(_definitions(self.statements, names, ()))


def _definitions(
    statements: Sequence[ast.stmt], names: Sequence[str], inside: tuple[Function, ...]
) -> Iterator[tuple[Definition, tuple[Function, ...]]]:
    for node in _defined(statements, names[0]):
        if isinstance(node, ast.ClassDef) or not names[1:]:
            yield node, inside
        else:
            yield from _definitions(node.body, names[1:], (*inside, node))


def _defined(statements: Sequence[ast.stmt], name: str) -> Iterator[Definition]:
    """The functions and classes of this name in a scope, also below ``if``, ``try`` and the like."""
    for statement in statements:
        if isinstance(statement, Definition):
            if statement.name == name:
                yield statement
        else:
            for inner in ast.iter_child_nodes(statement):
                if isinstance(inner, ast.ExceptHandler | ast.match_case):
                    yield from _defined(inner.body, name)
                elif isinstance(inner, ast.stmt):
                    yield from _defined([inner], name)


@lru_cache(maxsize=4096)
def parsed(module: str, path: Path, data: bytes) -> Source:
    """The source of a module from the bytes of its file: parsed once per process, again only if they change.

    A file that is no Python (a template, a half-written module) counts by its bytes.
    """
    try:
        tree = parse(data, path)
    except (SyntaxError, ValueError):
        tree = ast.Module([ast.Expr(ast.Constant(f"no Python: {digest(data)}"))], [])
        return Source(module, path, module, "", tuple(tree.body))
    doc = ast.get_docstring(tree, clean=False) or ""
    for node in _documented(tree):
        node.body = node.body[1:] or [ast.Pass()]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return Source(module, path, package, doc, tuple(_flat(tree.body)))


def _documented(tree: ast.AST) -> Iterator[ast.Module | Definition]:
    """What has a docstring in a tree. Expressions, which are most of it, hold none."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Module | Definition) and ast.get_docstring(node, clean=False) is not None:
            yield node
        inside = ast.iter_child_nodes(node)
        waiting += [inner for inner in inside if isinstance(inner, ast.stmt | ast.ExceptHandler | ast.match_case)]


def _flat(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Imports one name each, and what only type checkers read as if everybody did."""
    for statement in statements:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from _flat([*statement.body, *statement.orelse])
        elif isinstance(statement, ast.Import):
            yield from (ast.Import([alias]) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield from (ast.ImportFrom(statement.module, [alias], statement.level) for alias in statement.names)
        else:
            yield statement
