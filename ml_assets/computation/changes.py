"""Which statements of a module change what a name stands for, besides those that bind it.

    REGISTRY["a"] = f      REGISTRY.append(f)      @register("a")  def f(): …      Model.predict = faster      fill(TABLE)

A function that changes a name of its module (``register``) makes a change of each statement that calls it or decorates by it,
also in other modules. What a module does to things that it does not own, when it is loaded (``pd.set_option(…)``), is an
effect: it changes how all code behaves.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

from ml_assets.computation.names import Function, bound, mentions, sets_environment
from ml_assets.computation.source import Definition, Source

MUTATORS = {
    "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop", "popitem", "popleft",
    "register", "remove", "reverse", "setdefault", "sort", "update",
}  # fmt: skip
FIXED = ast.Constant | ast.JoinedStr | ast.Lambda | ast.UnaryOp | ast.Compare | ast.Tuple
PATCHES = re.compile(rb"(?m)^(?!os\.environ\[)(?:[A-Za-z_]\w*[.\[][^\n(=]*=(?!=)|setattr\(|@[\w.]+\.register\b)")
"""Lines by which a module may change what it did not define: ``model.RATE = 0.2``, ``setattr(Model, …)``, ``@f.register``. A
variable of the environment is none: who reads one is not recognised anyway."""
WORDS = re.compile(rb"[\w\x80-\xff]+")  # names in letters beyond ASCII among them


@lru_cache(maxsize=4096)
def changes(source: Source) -> Mapping[str, list[ast.stmt]]:
    """Name -> the statements of its module that change what it stands for."""
    found: dict[str, list[ast.stmt]] = {}
    for statement in source.statements:
        called = {name for function in _calls(statement) for name in registrars(source).get(function, ())}
        for name in (set(_changed(statement)) | called) - set(bound(statement)):
            found.setdefault(name, []).append(statement)
    return found


def changed_from(other: Source, names: Collection[str], *, by_calls: bool = True) -> list[ast.stmt]:
    """The statements of another module that change one of these things, or call one of them when the module is loaded.

    Args:
        by_calls: whether a call may change one: of Python's own, such as ``dataclass`` or ``Path``, none does.
    """
    aliases = {
        alias for alias, imports in other.imports.items() if any(one.path and one.path[-1] in names for one in imports)
    }
    wanted = aliases.union(names)
    touched = _touched(other) if by_calls else _set_on(other)
    return [statement for statement, names_of in touched if not wanted.isdisjoint(names_of)]


@lru_cache(maxsize=4096)
def _touched(source: Source) -> list[tuple[ast.stmt, frozenset[str]]]:
    """Each statement of a module with the names that it calls, changes or sets when the module is loaded."""
    return [(s, frozenset((*_calls(s), *_changed(s), *_attributes_set(s)))) for s in source.statements]


@lru_cache(maxsize=4096)
def _set_on(source: Source) -> list[tuple[ast.stmt, frozenset[str]]]:
    """Each statement of a module with the names that it assigns to something of when the module is loaded."""
    return [
        (s, frozenset(name for node in ast.walk(s) for name in _stored_into(node)).union(_attributes_set(s)))
        for s in source.statements
        if not isinstance(s, Definition) and not _is_script(s)
    ]


def is_mutable(source: Source, name: str) -> bool:
    """Whether other code can add to what a name of a module stands for, as far as its statements show."""
    if name in source.imports:
        return False
    values = [getattr(statement, "value", None) for statement in source.bindings.get(name, ())]
    is_changed = any(name in changed for changed in registrars(source).values())
    return is_changed or any(value is not None and not isinstance(value, FIXED) for value in values)


@lru_cache(maxsize=4096)
def patches(data: bytes) -> bool:
    """Whether a module is worth parsing for what it does to names that others define, and that hold nothing to add to."""
    return PATCHES.search(data) is not None


@lru_cache(maxsize=4096)
def words(data: bytes) -> frozenset[bytes]:
    """The words in a text: a name that is not one of them is not mentioned."""
    return frozenset(WORDS.findall(data))


@lru_cache(maxsize=4096)
def effects(source: Source) -> Mapping[str, list[ast.stmt]]:
    """Name -> the statements of a module that call it, or set something on it, when the module is loaded."""
    found: dict[str, list[ast.stmt]] = {}
    for statement in source.statements:
        if not isinstance(statement, Definition) and not _is_script(statement):
            for name in dict.fromkeys(_acted_on(statement)):
                found.setdefault(name, []).append(statement)
    return found


@lru_cache(maxsize=65536)
def may_change(data: bytes, names: frozenset[str]) -> bool:
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
        if not sets_environment(node):
            yield from _chain(node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        yield from _chain(node.func.value)


def _attributes_set(statement: ast.stmt) -> Iterator[str]:
    """``RATE`` in ``model.RATE = 0.2``."""
    if not isinstance(statement, Definition):
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                yield node.attr


def _acted_on(statement: ast.stmt) -> Iterator[str]:
    """What calls, and attributes and items that are set, begin with: ``pd`` of ``pd.options.mode = "a"``."""
    for node in ast.walk(statement):
        begin: ast.AST = node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            begin = node.value
        elif not isinstance(node, ast.Subscript | ast.Attribute) or isinstance(node.ctx, ast.Load):
            continue
        while isinstance(begin, ast.Attribute | ast.Subscript | ast.Call):
            begin = begin.func if isinstance(begin, ast.Call) else begin.value
        if isinstance(begin, ast.Name):
            yield begin.id


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
