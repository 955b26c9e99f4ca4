"""Which names a piece of code mentions that are bound outside of it, by Python's own rules of scope.

Where the rules depend on what runs (a class body that reads a name before it binds it), both readings count.
"""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
SUBCLASSES = "__subclasses__"  # asked of a class, it finds classes that no code mentions


def parse(code: str | bytes, file: str | Path = "<code>", mode: Any = "exec") -> Any:
    """What ``ast.parse`` returns, with no look for garbage meanwhile.

    What ends in such a look may log an error, and a traceback parses its lines: one parse in another is a SystemError in 3.11.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(code, file, mode)
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True)
class Imported:
    """What an import binds to a name: a module, or something in one."""

    module: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mention:
    """A name that code outside of the piece binds, and the attributes that are asked of it.

    Attributes:
        name: of the module that the piece is in, or what an import inside the piece's functions bound.
        is_certain: False where it may as well be a name of a class body.
    """

    name: str | Imported
    path: tuple[str, ...] = ()
    is_certain: bool = True


Scope = Mapping[str, tuple[Imported | str, ...]]
"""Name -> what it may stand for, outside of the function that binds it: an import, or a name of the module.

Nothing, for a local variable: what it is depends on what runs.
"""


def bound(node: ast.AST) -> Iterator[str]:
    """The names that a node binds in the scope that it stands in."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
            return
        case ast.Lambda():
            return
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            yield from (inner.target.id for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
            return
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
    for child in ast.iter_child_nodes(node):
        yield from bound(child)


def imported(nodes: Iterable[ast.AST], package: str) -> dict[str, tuple[Imported, ...]]:
    """Name -> what imports bind to it in the scope of these nodes; ``package``: what relative imports start from.

    ``import a.b`` binds ``a``, and loads what is listed as ``a.b``.
    """
    found: dict[str, tuple[Imported, ...]] = {}
    for node in _in_scope(nodes):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name, what in _names_of(node, package):
                found[name] = (*found.get(name, ()), what)
    return found


def scope_of(function: Function | ast.Lambda, package: str) -> Scope:
    """The names that a function binds for the code in it."""
    if isinstance(function, ast.Lambda):
        return dict.fromkeys(_parameters(function.args), ())
    elsewhere = {
        name for node in _in_scope(function.body) if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names
    }
    names = [*_parameters(function.args), *(name for node in function.body for name in bound(node))]
    scope: dict[str, tuple[Imported, ...]] = {name: () for name in names if name not in elsewhere}
    imports = imported(function.body, package)
    return {**scope, **{name: what for name, what in imports.items() if name.partition(".")[0] in scope}}


def mentions(nodes: Iterable[ast.AST], package: str, scopes: Iterable[Scope] = ()) -> frozenset[Mention]:
    """What the nodes mention, seen from inside ``scopes``, innermost last."""
    reader = _Reader(package, list(scopes))
    for node in nodes:
        reader.visit(node)
    return frozenset(reader.found)


def _in_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes and all statements below them, without those of inner scopes."""
    for node in nodes:
        yield node
        if not isinstance(node, Function | ast.ClassDef | ast.expr):
            yield from _in_scope(ast.iter_child_nodes(node))


def _names_of(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, Imported]]:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield alias.asname or alias.name, Imported(_absolute(node, package), (alias.name,))
        elif alias.asname:
            yield alias.asname, Imported(alias.name)
        else:
            yield alias.name.partition(".")[0], Imported(alias.name.partition(".")[0])
            if "." in alias.name:
                yield alias.name, Imported(alias.name)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    above = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _parameters(args: ast.arguments) -> list[str]:
    given = [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]
    return [arg.arg for arg in given]


def sets_environment(node: ast.AST) -> bool:
    """Whether it is the left side of ``os.environ["KERAS_BACKEND"] = "torch"``: no code changes by it."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Store):
        return False
    return isinstance(node.value, ast.Attribute) and node.value.attr == "environ"


class _Reader(ast.NodeVisitor):
    def __init__(self, package: str, scopes: list[Scope]) -> None:
        self.package, self.scopes = package, scopes
        self.classes: list[set[str]] = []  # of the class bodies that are being read, the names bound in them
        self.found: dict[Mention, None] = {}

    def visit_Name(self, node: ast.Name) -> None:
        is_elsewhere = not any(node.id in scope for scope in self.scopes)
        if isinstance(node.ctx, ast.Load) or (self.scopes and is_elsewhere):
            self._mention(node.id, ())

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr == SUBCLASSES:
            self._mention(SUBCLASSES, ())
        path, base = [node.attr], node.value
        while isinstance(base, ast.Attribute):
            path, base = [base.attr, *path], base.value
        if isinstance(base, ast.Name):
            self._mention(base.id, tuple(path))
        else:
            self.visit(base)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not sets_environment(node):
            self.generic_visit(node)
            return
        self.visit(node.slice)  # who sets a variable reads none

    def visit_FunctionDef(self, node: Function) -> None:
        for outside in [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(outside)
        self._annotations(node.args)
        self._annotation(node.returns)
        self._inside(scope_of(node, self.package), node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  # the name that ast looks for

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(default)
        self._inside(scope_of(node, self.package), [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for outside in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(outside)
        self.classes.append({name for statement in node.body for name in bound(statement)})
        for statement in node.body:
            self.visit(statement)
        self.classes.pop()

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.target)
        self._annotation(node.annotation)
        if node.value:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        self._annotation(node.annotation)

    def _comprehension(self, node: Comprehension) -> None:
        first = node.generators[0].iter
        self.visit(first)
        scope: Scope = {name: () for generator in node.generators for name in bound(generator.target)}
        parts = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.comprehension)]
        rest = [c for g in node.generators for c in ast.iter_child_nodes(g) if c is not first]
        self._inside(scope, [*parts, *rest])

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815

    def _inside(self, scope: Scope, nodes: Iterable[ast.AST]) -> None:
        """Read what stands in a new scope. The names of a class body are not seen from its functions."""
        before, self.classes = self.classes, []
        found, self.found = self.found, {}
        self.scopes.append(scope)
        for node in nodes:
            self.visit(node)
        self.scopes.pop()
        self.found = {**found, **self.found, **dict.fromkeys(_unused(scope, self.found))}
        self.classes = before

    def _annotations(self, args: ast.arguments) -> None:
        for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]:
            self.visit(arg)

    def _annotation(self, node: ast.expr | None) -> None:
        """Also the names in quoted annotations: an object that is passed in runs the methods of its class."""
        if node is None:
            return
        self.visit(node)
        for inner in _quoted(node):
            try:
                self.visit(parse(inner, mode="eval").body)
            except SyntaxError:
                continue  # text, such as Annotated[float, "in minutes"]

    def _mention(self, name: str, path: tuple[str, ...]) -> None:
        for scope in reversed(self.scopes):
            if name in scope:
                self.found.update(dict.fromkeys(Mention(what, path) for what in scope[name]))
                return
        self.found[Mention(name, path, is_certain=not any(name in names for names in self.classes))] = None


def _unused(scope: Scope, found: Iterable[Mention]) -> Iterator[Mention]:
    """The imports of a function that are there for what the import does: they count as uses."""
    used = {(mention.name, mention.path[:depth]) for mention in found for depth in range(len(mention.path) + 1)}
    for name, imports in scope.items():
        top, *rest = name.split(".")
        for what in imports:
            is_used = (Imported(top) if rest else what, tuple(rest)) in used
            if isinstance(what, Imported) and not is_used and not any(key.startswith(f"{name}.") for key in scope):
                yield Mention(what)


def _quoted(node: ast.expr) -> Iterator[str]:
    """The strings in an annotation, but those of ``Literal``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    is_literal = isinstance(node, ast.Subscript) and ast.unparse(node.value).rpartition(".")[2] == "Literal"
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and not is_literal:
            yield from _quoted(child)
