"""Which third-party modules are imported by importing a module: what its own statements import, and what those modules do."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping

OURS = "ml_assets"  # which imports none that its functions do not need


def imported_with(module: str, files: Mapping[str, bytes]) -> set[str]:
    """Top-level names of what is neither among the files nor Python's own.

    Args:
        files: source files by their paths below the folder that is on ``sys.path``.
    """
    known = {name_of(path): data for path, data in files.items() if path.endswith(".py")}
    seen: set[str] = set()
    waiting, others = [module], set[str]()
    while waiting:
        name = waiting.pop()
        inside = [parent for parent in _with_parents(name) if parent in known]
        if not inside:
            others.add(name.partition(".")[0])
        for one in inside:
            if one not in seen and one.partition(".")[0] != OURS:
                waiting += _imports(one, known[one], f"{one.replace('.', '/')}/__init__.py" in files)
            seen.add(one)
    return others - sys.stdlib_module_names - {OURS}


def name_of(path: str) -> str:
    """The module of a source file."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _imports(module: str, data: bytes, is_package: bool) -> Iterator[str]:
    """What a module's own statements import, in full; what is imported from a module may be a module, too."""
    for node in _own(ast.parse(data)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            above = parts[: len(parts) - node.level + is_package] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """All that runs when a module is imported: not the bodies of functions, and not what only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from _own(child)
