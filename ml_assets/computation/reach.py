"""From a definition to everything that it reaches: the text of each part, and the third-party packages on the way.

What is reached is a closure: its parts do not depend on the order in which they are found.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ml_assets.computation.changes import (
    changed_from,
    changes,
    effects,
    is_mutable,
    may_change,
    patches,
    registrars,
    words,
)
from ml_assets.computation.cut import Cut, above
from ml_assets.computation.finder import Sources
from ml_assets.computation.names import SUBCLASSES, Function, Imported, Mention, Scope, bound, mentions, scope_of
from ml_assets.computation.source import Source
from ml_assets.store import digest

WHOLE = "*"  # in place of a name: the whole module
DYNAMIC = {SUBCLASSES, "__file__", "__import__", "__loader__", "__path__", "__spec__", "eval", "exec", "globals"}
DYNAMIC_MODULES = ("builtins", "importlib", "pkgutil", "runpy", "sys.modules")  # what they lead to, no text tells
STATIC_MODULES = ("importlib.metadata",)
OUTSIDE = ("os.environ", "os.environb", "os.getenv", "sys.argv")  # inputs that nobody records
GIVEN = {*dir(builtins), "__annotations__", "__builtins__", "__name__", "__package__"} - {"__doc__", *DYNAMIC}


@dataclass
class Reach:
    """What was reached so far.

    Attributes:
        cut: where following ends.
        parts: "module:qualname" -> normalised source.
        packages: top-level third-party modules.
        files: where the parts are.
        unidentified: sentences about what cannot be identified.
    """

    sources: Sources
    cut: Cut
    parts: dict[str, str] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)
    files: set[Path] = field(default_factory=set)
    unidentified: set[str] = field(default_factory=set)
    _ahead: list[tuple[Source, Mention]] = field(default_factory=list)
    _loaded: set[str] = field(default_factory=set)
    _patching: dict[frozenset[str], list[tuple[str, bytes]]] = field(default_factory=dict)
    _followed: set[tuple[str, tuple[str, ...], str]] = field(default_factory=set)

    # ------------------------------------------------------------ adding

    def follow(self, module: str, path: tuple[str, ...] = (), by: str = "") -> None:
        """Follow an attribute of a module; without one the module is used as a value, and counts as a whole.

        Args:
            by: the module whose code mentions it.
        """
        below = f"{module}.{path[0]}" if path else ""
        if self.cut.holds(module) or (module, path, by) in self._followed:
            return
        self._followed.add((module, path, by))
        if not self.sources.is_first_party(module):
            self._beyond(".".join((module, *path)), by)
        elif path and self.sources.binds(module, path[0]):
            self._name(self.sources[module], path[0], path[1:])
        elif path and (self.sources.path(below) or self.sources.is_folder(below)):
            self.follow(below, path[1:], by)
        else:
            self._whole(module)
            for inside in self.sources.modules(module) if not path else ():
                self._whole(inside)

    def inner(self, module: str, names: Sequence[str]) -> None:
        """Follow a path of names in a module: a function in a function, or what binds a variable of one."""
        source = self.sources[module]
        found: list[tuple[Sequence[ast.AST], tuple[Function, ...]]]
        found = [([node], inside) for node, inside in source.definitions(names) if inside]
        if not found and names[1:]:
            around = [(*inside, node) for node, inside in source.definitions(names[:-1]) if isinstance(node, Function)]
            found = [(bind, functions) for functions in around if (bind := _bound_in(functions[-1], names[-1]))]
        for nodes, functions in found:
            self.read(_part(source, functions, names[len(functions)]), source, nodes, _named(source, functions))
        if not found:
            self.follow(module, tuple(names))

    def read(self, name: str, source: Source, nodes: Sequence[ast.AST], scopes: Sequence[Scope] = ()) -> str:
        """Record nodes of a module as a part, and follow what they mention; the name of the part."""
        kept = tuple(self.cut.without_decorators(source, node, scopes) for node in nodes)
        self.files.add(source.path)
        self._load(source.name)
        mentioned = mentions(kept, source.package, scopes) if scopes else _mentions(kept, source.package)
        self._ahead += [(source, mention) for mention in mentioned]
        return self.put(name, "\n".join(map(_text, kept)))

    def put(self, name: str, text: str) -> str:
        """Record a part; another of the same name (two lambdas in a function) gets a name of its own."""
        while self.parts.get(name, text) != text:
            name += "'"
        self.parts[name] = text
        return name

    def run(self) -> None:
        """Follow what was added, to the end."""
        while self._ahead:
            source, mention = self._ahead.pop()
            if isinstance(mention.name, Imported):
                self.follow(mention.name.module, mention.name.path + mention.path, source.name)
            elif "." in mention.name:
                if f"{source.name}:{mention.name}" not in self.parts:
                    self.inner(source.name, mention.name.split("."))
            elif mention.name in source.bindings:
                self._name(source, mention.name, mention.path)
            else:
                self._unbound(source, mention)

    # ------------------------------------------------------------ following

    def _name(self, source: Source, name: str, path: tuple[str, ...]) -> None:
        """A name that a module binds."""
        if self.cut.holds(source.name, name):
            return
        for what in source.imports.get(name, ()):
            if what == Imported(source.name, (name,)):  # a package that imports a module of its own
                self.follow(f"{source.name}.{name}", path, source.name)
            else:
                self.follow(what.module, what.path + path, source.name)
        if f"{source.name}:{name}" in self.parts:
            return
        involved = [*source.bindings[name], *changes(source).get(name, ())]
        self.read(f"{source.name}:{name}", source, [s for s in source.statements if s in involved])
        self._stars(source)
        self._changed_elsewhere(source, name)

    def _unbound(self, source: Source, mention: Mention) -> None:
        """A name that is not bound where it is mentioned."""
        name = str(mention.name)
        if name in DYNAMIC:
            self._everything(source.name)
        elif name == "__doc__":
            self.put(f"{source.name}:__doc__", source.doc)
        elif name not in GIVEN and mention.is_certain and not self._stars(source):
            self._whole(source.name)

    def _stars(self, source: Source) -> bool:
        for module in source.stars:
            self.follow(module, (), source.name)
        return bool(source.stars)

    def _changed_elsewhere(self, source: Source, name: str) -> None:
        """What other first-party modules add to a registry, or set on a class or module, when they are loaded."""
        names = frozenset([name, *(f for f, changed in registrars(source).items() if name in changed)])
        named = {one.encode() for one in names}
        imports = source.imports.get(name, ())
        is_pythons = bool(imports) and all(one.path and one.module in sys.stdlib_module_names for one in imports)
        for module, data in self._may_change(source.name.partition(".")[0], can_add=is_mutable(source, name)):
            if module == source.name or named.isdisjoint(words(data)) or self.cut.holds(module):
                continue
            if (patches(data) or may_change(data, names)) and (
                found := changed_from(self.sources[module], names, by_calls=not is_pythons)
            ):
                self.read(f"{module}:{name} of {source.name}", self.sources[module], found)

    def _may_change(self, top: str, *, can_add: bool) -> list[tuple[str, bytes]]:
        """The modules that may change what a name stands for: any that can add to it, or those that patch others' names."""
        tops = frozenset({top, *self.sources.tops})
        if can_add:
            return self.sources.texts(top)
        if tops not in self._patching:
            self._patching[tops] = [(module, data) for module, data in self.sources.texts(top) if patches(data)]
        return self._patching[tops]

    def _whole(self, module: str) -> None:
        name = f"{module}:{WHOLE}"
        if name in self.parts or self.cut.holds(module):
            return
        if not self.sources.path(module):
            self._without_source(module)
            return
        source = self.sources[module]
        self.put(name, "\n".join(map(_text, source.statements)))
        self.files.add(source.path)
        self._load(module)
        own = source.bindings.keys() - source.imports.keys()
        self._ahead += [(source, m) for m in _mentions(source.statements, source.package) if m.name not in own]
        for imports in source.imports.values():
            for what in imports:
                self.follow(what.module, tuple(part for part in what.path if part != "*"), module)
        for one in own:
            self._changed_elsewhere(source, one)

    # ------------------------------------------------------------ loading

    def _load(self, module: str) -> None:
        """What a module, the packages that it is in and all that they import do to other code when they are loaded."""
        waiting = [module]
        while waiting:
            for one in above(waiting.pop()):
                if one in self._loaded or self.cut.holds(one) or not self.sources.path(one):
                    continue
                self._loaded.add(one)
                source = self.sources[one]
                waiting += [name for name in _imported_modules(source) if self.sources.is_first_party(name)]
                found = [s for name, done in effects(source).items() if self._is_effect(source, name) for s in done]
                if found:
                    kept = [s for s in source.statements if s in found]
                    self.read(f"{one}:loading {one.rpartition('.')[2]}", source, kept)

    def _is_effect(self, source: Source, name: str) -> bool:
        """Whether to call a name may change what is not first-party: it is not, or is a function that changes nothing here."""
        for what in source.imports.get(name, ()):
            if not self.sources.is_first_party(what.module):
                return True
            if what.path and self.sources.binds(what.module, what.path[0]):
                return _is_no_registrar(self.sources[what.module], what.path[0])
        return _is_no_registrar(source, name)

    def _without_source(self, module: str) -> None:
        self.put(f"{module}:{WHOLE}", "")
        if self.sources.is_folder(module):
            self._everything(module)
        elif self.sources.is_compiled(module):
            self.unidentified.add(f"{module} is compiled and has no source: install it as a package with a version.")

    def _everything(self, module: str) -> None:
        """Every file of the package that a module is in: what its code reaches is not known before it runs."""
        top = module if module in self.sources.files else module.partition(".")[0]
        if (top, (WHOLE,), "") in self._followed:
            return
        self._followed.add((top, (WHOLE,), ""))
        for path, name in self.sources.below(top):
            if path.suffix == ".py":
                self._whole(name)
            else:
                self.files.add(path)
                self.put(f"{name}{path.suffix}", digest(path.read_bytes()))

    def _beyond(self, name: str, by: str) -> None:
        """Third-party code is known by its version, the standard library by Python's."""
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names:
            self.packages.add(top)
        elif by and _leads(name, DYNAMIC_MODULES) and not _leads(name, STATIC_MODULES):
            self._everything(by)
        if by and _leads(name, OUTSIDE):
            self.unidentified.add(f"{by} reads {name}, of which no version is kept: make it one of the parameters.")


@lru_cache(maxsize=65536)
def _text(node: ast.AST) -> str:
    return ast.unparse(node)


@lru_cache(maxsize=65536)
def _mentions(nodes: tuple[ast.AST, ...], package: str) -> frozenset[Mention]:
    return mentions(nodes, package)


@lru_cache(maxsize=4096)
def _imported_modules(source: Source) -> frozenset[str]:
    """What its own imports load: of ``from a import b``, both ``a`` and ``a.b``, which may be a module."""
    found = {(what.module, *what.path[:1]) for imports in source.imports.values() for what in imports}
    return frozenset(name for parts in found for name in (parts[0], ".".join(parts)))


def _is_no_registrar(source: Source, name: str) -> bool:
    is_function = any(isinstance(statement, Function) for statement in source.bindings.get(name, ()))
    return is_function and name not in registrars(source)


def _leads(name: str, to: Iterable[str]) -> bool:
    return any(f"{name}.".startswith(f"{end}.") for end in to)


def _part(source: Source, inside: Sequence[Function], name: str) -> str:
    return f"{source.name}:{'.'.join([*(function.name for function in inside), name])}"


def _named(source: Source, functions: Sequence[Function]) -> list[Scope]:
    """What the names in these functions, each inside the one before, stand for: their variables by their paths."""
    scopes: list[Scope] = []
    for depth, function in enumerate(functions, start=1):
        outer = ".".join(one.name for one in functions[:depth])
        scope = scope_of(function, source.package)
        scopes.append({name: imports or (f"{outer}.{name}",) for name, imports in scope.items()})
    return scopes


def _bound_in(function: Function, name: str) -> list[ast.AST]:
    """What binds a variable of a function: its parameter, with default, or statements."""
    args = function.args
    given = [*args.posonlyargs, *args.args]
    padded: list[ast.expr | None] = [*[None] * (len(given) - len(args.defaults)), *args.defaults]
    pairs = [*zip(given, padded, strict=True), *zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    pairs += [(arg, None) for arg in (args.vararg, args.kwarg) if arg]
    found: list[ast.AST] = [node for arg, default in pairs if arg.arg == name for node in (arg, default) if node]
    return [*found, *(statement for statement in function.body if name in bound(statement))]
