"""The code version: a digest of the functions that compute something and of all first-party code that they reach.

Comments, formatting, docstrings and code that is not reached change nothing; a helper three calls away does. What cannot be
resolved without running it is included rather than missed. Other libraries hash the bytecode of the one function (joblib,
cloudpickle), or hash whole files: the first misses its helpers, the second runs everything again for a comment.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ml_assets.computation.cut import Cut
from ml_assets.computation.finder import OURS, Sources
from ml_assets.computation.live import Live, is_all_text
from ml_assets.computation.packages import package_versions
from ml_assets.computation.reach import Reach
from ml_assets.computation.snapshot import edited_while_running
from ml_assets.errors import UsageError
from ml_assets.store import canonical, digest

__all__ = ["Code", "code_of", "edited_while_running", "is_all_text", "package_versions", "snapshot"]

Root = Callable[..., Any] | str


@dataclass(frozen=True)
class Code:
    """The code that some functions reach.

    Attributes:
        parts: "module:qualname" -> source without comments, docstrings and formatting. A variable of a function is
            "module:function.variable", a value in memory "module:function[variable]", a whole module "module:*", what
            a module does to other code "module:loading name"; "roots" says where it began, "Python" what runs it: with
            it the standard library changes (``sum`` adds floats otherwise since 3.12).
        packages: top-level third-party modules that it imports, such as ``sklearn``.
        files: the source files that it is in.
        unidentified: sentences about what cannot be identified; if there is any, equal versions prove nothing.
    """

    parts: Mapping[str, str]
    packages: frozenset[str]
    files: tuple[Path, ...]
    unidentified: tuple[str, ...]

    @cached_property
    def version(self) -> str:
        """The digest of the parts, as the store names them."""
        return digest(canonical(dict(self.parts)))


def code_of(*roots: Root, cut: Collection[str] = ()) -> Code:
    """The code that the roots reach.

    Nothing is imported or run. Each file is read anew and parsed once per process.

    Args:
        roots: functions, classes, partials, lambdas, callable instances; or "module:qualname", which may name a function
            in a function ("ml_assets.orchestration.features:features_asset.features").
        cut: modules, packages and "module:qualname" where following ends, with the decorators that come from there.
    Raises:
        UsageError: if a "module:qualname" names no module.
    """
    reach = _reach(roots, frozenset(cut))
    files = tuple(sorted(reach.files))
    return Code(reach.parts, frozenset(reach.packages), files, tuple(sorted(reach.unidentified)))


def snapshot(*roots: Root) -> dict[str, bytes]:
    """All modules of ``ml_assets`` and of each top-level package that the roots reach or are in: path -> bytes.

    Paths are relative to the folder that is on ``sys.path`` for the package.
    """
    reach = _reach(roots, frozenset([OURS]))  # which is taken whole: what is in it need not be followed
    reached = {part.partition(":")[0].partition(".")[0] for part in reach.parts if ":" in part}
    return reach.sources.snapshot({OURS, *reached})


def _reach(roots: Collection[Root], cut: frozenset[str]) -> Reach:
    sources = Sources()
    reach = Reach(sources, Cut(sources, cut))
    live = Live(reach)
    names = [
        _named(reach, root) if isinstance(root, str) else live.describe(root, f"root {n}")
        for n, root in enumerate(roots, 1)
    ]
    reach.put("roots", canonical(names).decode())
    reach.put("Python", ".".join(map(str, sys.version_info[:2])))
    reach.run()
    return reach


def _named(reach: Reach, root: str) -> str:
    module, _, name = root.partition(":")
    reach.sources.place(module)
    if reach.sources.path(module) is None:
        raise UsageError(
            f"{root}: there is no source of the module {module}. Write module:qualname, as in pkg.module:train."
        )
    reach.inner(module, name.split("."))
    return root
