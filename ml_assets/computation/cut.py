"""Where following code ends: at the plumbing, which stores, names and shows results but does not change them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ml_assets.computation.finder import Sources
from ml_assets.computation.names import Imported, Scope, mentions
from ml_assets.computation.source import Definition, Source


@dataclass(frozen=True)
class Cut:
    """What is not followed.

    Attributes:
        names: modules, packages, and single names as "module:name".
    """

    sources: Sources
    names: frozenset[str]

    def holds(self, module: str, name: str = "") -> bool:
        """Whether a module, or this name of it, is cut."""
        return f"{module}:{name}" in self.names or not self.names.isdisjoint(above(module))

    def without_decorators(self, source: Source, node: ast.AST, scopes: Sequence[Scope]) -> ast.AST:
        """The node without decorators that are cut: what they are given does not change results either."""
        if not isinstance(node, Definition) or not self.names:
            return node
        kept = [one for one in node.decorator_list if not self._leads_here(source, _called(one), scopes)]
        if len(kept) == len(node.decorator_list):
            return node
        bare = copy.copy(node)
        bare.decorator_list = kept
        return bare

    def _leads_here(self, source: Source, decorator: ast.expr, scopes: Sequence[Scope]) -> bool:
        for mention in mentions([decorator], source.package, scopes):
            found = mention.name if isinstance(mention.name, Imported) else Imported(source.name, (mention.name,))
            if self._ends(Imported(found.module, found.path + mention.path), ()):
                return True
        return False

    def _ends(self, what: Imported, seen: tuple[Imported, ...]) -> bool:
        """Whether a name is cut, or a re-export of one that is."""
        if self.holds(what.module, what.path[0] if what.path else ""):
            return True
        if what in seen or not what.path or not self.sources.binds(what.module, what.path[0]):
            return False
        further = self.sources[what.module].imports.get(what.path[0], ())
        return any(self._ends(Imported(one.module, one.path + what.path[1:]), (*seen, what)) for one in further)


@lru_cache(maxsize=65536)
def above(module: str) -> tuple[str, ...]:
    """A module and the packages that it is in."""
    parts = module.split(".")
    return tuple(".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _called(decorator: ast.expr) -> ast.expr:
    return _called(decorator.func) if isinstance(decorator, ast.Call) else decorator
