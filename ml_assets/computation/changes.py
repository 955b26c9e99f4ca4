"""Which statements of a module change what a name stands for, besides those that bind it.

    REGISTRY["a"] = f      REGISTRY.append(f)      @register("a")  def f(): …      Model.predict = faster      fill(TABLE)

A function that changes a name of its module (``register``) makes a change of each statement that calls it or decorates by it,
also in other modules.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

from ml_assets.computation.names import Function, bound, mentions
from ml_assets.computation.source import Definition, Source

MUTATORS = {
    "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop", "popitem", "popleft",
    "register", "remove", "reverse", "setdefault", "sort", "update",
}  # fmt: skip
MUTABLE = ast.Dict | ast.List | ast.Set | ast.ListComp | ast.SetComp | ast.DictComp | ast.Call


@lru_cache(maxsize=4096)
def changes(source: Source) -> Mapping[str, list[ast.stmt]]:
    """Name -> the statements of its module that change what it stands for."""
    found: dict[str, list[ast.stmt]] = {}
    for statement in source.statements:
        called = {name for function in _calls(statement) for name in registrars(source).get(function, ())}
        for name in (set(_changed(statement)) | called) - set(bound(statement)):
            found.setdefault(name, []).append(statement)
    return found


def changed_from(other: Source, names: Collection[str]) -> list[ast.stmt]:
    """The statements of another module that change one of these things, or call one of them when the module is loaded."""
    aliases = {
        alias for alias, imports in other.imports.items() if any(one.path and one.path[-1] in names for one in imports)
    }
    return [s for s in other.statements if {*aliases, *names} & {*_calls(s), *_changed(s)}]


def is_mutable(source: Source, name: str) -> bool:
    """Whether other code can add to what a name of a module stands for, as far as its statements show."""
    if name in source.imports:
        return False
    values = (getattr(statement, "value", None) for statement in source.bindings.get(name, ()))
    return any(isinstance(value, MUTABLE) for value in values) or name in registrars(source).get(name, ())


def may_change(data: bytes, names: Collection[str]) -> bool:
    """Whether a module is worth parsing: it mentions a name where a statement, or an ``as``, could change what it means."""
    if not any(name.encode() in data for name in names):
        return False
    name = f"\\b(?:{'|'.join(sorted(names))})\\b"
    unindented = rf"^(?!def |from |import |async |[\s#\"']).*{name}"
    return re.search(rf"(?m){unindented}|^\s+@?[\w.]*{name}|{name}\s+as\b".encode(), data) is not None


@lru_cache(maxsize=4096)
def registrars(source: Source) -> Mapping[str, frozenset[str]]:
    """Function of a module -> the module's own names that it changes when it is called.

    A class that hears of its subclasses counts as one that is called by each, and changes itself.
    """
    found = {}
    for statement in source.statements:
        if isinstance(statement, ast.ClassDef) and "__init_subclass__" in {
            name for s in statement.body for name in bound(s)
        }:
            found[statement.name] = frozenset([statement.name])
        elif isinstance(statement, Function) and (changed := set(_changed_in(statement)) & source.bindings.keys()):
            own = {mention.name for mention in mentions([statement], source.package)}
            found[statement.name] = frozenset(changed & own - source.imports.keys())
    return found


def _changed_in(function: Function) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Global):
            yield from node.names
        else:
            yield from _stored_into(node)


def _changed(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, Definition):
        for decorator in map(_called, statement.decorator_list):
            if isinstance(decorator, ast.Attribute):
                yield from _chain(decorator.value)
    elif not _is_script(statement):
        for node in ast.walk(statement):
            yield from _stored_into(node)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                yield from (inner.id for inner in ast.walk(node.value) if isinstance(inner, ast.Name))


def _stored_into(node: ast.AST) -> Iterator[str]:
    """``X[…] = …``, ``X.a = …``, ``del X[…]``, ``X.append(…)``."""
    if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
        yield from _chain(node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        yield from _chain(node.func.value)


def _calls(statement: ast.stmt) -> Iterator[str]:
    """The functions that a statement of a module calls when the module is loaded, as far as it names them."""
    functions: list[ast.expr] = []
    if isinstance(statement, Definition):
        functions = [_called(decorator) for decorator in statement.decorator_list]
        functions += statement.bases if isinstance(statement, ast.ClassDef) else []
    elif not _is_script(statement):
        functions = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    for function in functions:
        if isinstance(function, ast.Attribute):
            yield function.attr
        elif isinstance(function, ast.Name):
            yield function.id


def _is_script(statement: ast.stmt) -> bool:
    """``if __name__ == "__main__"``: what a file does when it is run."""
    return isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)


def _called(decorator: ast.expr) -> ast.expr:
    return _called(decorator.func) if isinstance(decorator, ast.Call) else decorator


def _chain(node: ast.expr) -> Iterator[str]:
    """The names in ``a.b[…].c``."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute):
            yield node.attr
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id
