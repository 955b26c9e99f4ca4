"""Where modules are, and which are first-party: code of ours or of a problem's owners, known by its text, not by a version.

First-party is ml_assets, what lies in no folder of installed packages (what is installed to be edited does not), and an
installed package that is asked about and uses ml_assets: a problem's, whose version number may say less than its text.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from ml_assets.computation.source import Source, parsed

OURS = "ml_assets"
INSTALLED = {"site-packages", "dist-packages"}
LARGEST_BYTES = 1 << 20  # of a file that is no module and kept with them


@dataclass
class Sources:
    """The first-party sources, as they are on the disk when first looked at.

    Attributes:
        folders: top-level name -> the folder that is on ``sys.path`` for it; None: not first-party.
        files: module -> file, where the name does not tell it (``__main__``).
        tops: the top-level names that were asked about.
    """

    folders: dict[str, Path | None] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    tops: set[str] = field(default_factory=set)
    _data: dict[Path, bytes] = field(default_factory=dict)
    _paths: dict[str, Path | None] = field(default_factory=dict)
    _texts: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)
    _files: dict[str, list[tuple[Path, str]]] = field(default_factory=dict)

    def place(self, module: str, file: Path | None = None) -> None:
        """Make a module first-party, with its top-level package, if it is not just somebody else's.

        Args:
            file: where it was loaded from, if that is known.
        """
        top = module.partition(".")[0]
        folder = _root(module, file) if file else folder_of(top)
        if top in sys.stdlib_module_names or (file and not _is_first_party(top, file)):
            return
        self.tops.add(top)
        if file and (folder is None or folder != (self.folders.setdefault(top, folder) or folder)):
            self.files[module] = file

    def is_first_party(self, module: str) -> bool:
        """Whether this is code of ours or of a problem's owners."""
        return module in self.files or self._folder(module.partition(".")[0]) is not None

    def path(self, module: str) -> Path | None:
        """The file of a first-party module; None if it has no source."""
        if module not in self._paths:
            self._paths[module] = self.files.get(module) or self._find(module)
        return self._paths[module]

    def __getitem__(self, module: str) -> Source:
        path = self.path(module)
        if path is None:
            raise KeyError(module)
        return parsed(module, path, self._read(path))

    def binds(self, module: str, name: str) -> bool:
        """Whether a first-party module has a source that binds this name."""
        return self.path(module) is not None and name in self[module].bindings

    def is_folder(self, module: str) -> bool:
        """Whether a package has this name, with or without an ``__init__.py``."""
        folder = self._folder(module.partition(".")[0])
        return folder is not None and folder.joinpath(*module.split(".")).is_dir()

    def is_compiled(self, module: str) -> bool:
        """Whether a module is there that has no source."""
        folder = self._folder(module.partition(".")[0])
        below = folder and folder.joinpath(*module.split("."))
        return below is not None and any(below.with_name(f"{below.name}{end}").exists() for end in EXTENSION_SUFFIXES)

    def below(self, module: str) -> list[tuple[Path, str]]:
        """All files of a package, each with its module's name; of a lone module, the modules beside it."""
        if module not in self._files:
            self._files[module] = self._below(module) if self.is_folder(module) else self._beside(module)
        return self._files[module]

    def texts(self, top: str) -> list[tuple[str, bytes]]:
        """The modules of a top-level package, and of all that were asked about, with their texts."""
        found: list[tuple[str, bytes]] = []
        for one in sorted({top, *self.tops}):
            if one not in self._texts:
                self._texts[one] = [(module, self._read(path)) for module, path in self.modules(one).items()]
            found += self._texts[one]
        return found

    def snapshot(self, tops: Iterable[str]) -> dict[str, bytes]:
        """The files of these top-level packages, as far as they are first-party: path below their folder -> bytes.

        Their modules, and what lies beside them to be read, unless it is large: data belongs into the landing folder.
        """
        found: dict[str, bytes] = {}
        for top in sorted(tops):
            folder = self._folder(top)
            for path in self._files_of(top):
                found[path.relative_to(folder or path.parent).as_posix()] = self._read(path)
        return found

    def _files_of(self, top: str) -> list[Path]:
        modules = set(self.modules(top).values())
        beside = [path for path, _ in self.below(top)] if self.is_folder(top) else []
        return sorted(modules | {path for path in beside if path.stat().st_size <= LARGEST_BYTES})

    def modules(self, name: str) -> dict[str, Path]:
        """The modules of a package, or a lone module itself, with their files."""
        path = self.path(name)
        if self.is_folder(name):
            return {module: path for path, module in self.below(name) if path.suffix == ".py"}
        return {name: path} if path else {}

    def _below(self, package: str) -> list[tuple[Path, str]]:
        root = self._folder(package.partition(".")[0]) or Path()
        parts = package.split(".")
        return list(_files_in(str(root.joinpath(*parts)), parts))

    def _beside(self, module: str) -> list[tuple[Path, str]]:
        path = self.path(module)
        found = sorted(path.parent.glob("*.py")) if path else []
        self.folders |= {one.stem: one.parent for one in found}
        return [(one, one.stem) for one in found]

    def _read(self, path: Path) -> bytes:
        if path not in self._data:
            self._data[path] = path.read_bytes()
        return self._data[path]

    def _folder(self, top: str) -> Path | None:
        if top not in self.folders:
            folder = None if top in sys.stdlib_module_names else folder_of(top)
            ours = folder and (top == OURS or not INSTALLED & set(folder.parts))
            self.folders[top] = folder if ours else None
        return self.folders[top]

    def _find(self, module: str) -> Path | None:
        folder = self._folder(module.partition(".")[0])
        if folder is None:
            return None
        below = folder.joinpath(*module.split("."))
        files = below / "__init__.py", below.with_name(f"{below.name}.py")
        return next((file for file in files if file.is_file()), None)


def folder_of(top: str) -> Path | None:
    """The folder of ``sys.path``, or of what is installed to be edited, that holds a top-level package or module."""
    return _folder_on(top, tuple(sys.path))


@lru_cache(maxsize=1024)
def _folder_on(top: str, path: tuple[str, ...]) -> Path | None:
    for entry in map(Path, path):
        if (entry / top / "__init__.py").is_file() or (entry / f"{top}.py").is_file():
            return entry.absolute()
    loaded = sys.modules.get(top)
    spec = getattr(loaded, "__spec__", None) if loaded or not top else importlib.util.find_spec(top)
    if spec is None:
        return None
    inside = [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.origin else [])]
    return Path(inside[0]).absolute().parent if inside and Path(inside[0]).exists() else None


@lru_cache(maxsize=4096)
def _is_first_party(top: str, file: Path) -> bool:
    """Whether the package that a file is in is known by its text: it is not installed, or it is one that uses ml_assets."""
    if top == OURS or not INSTALLED & set(file.parts):
        return True
    inside = [folder for folder in file.parents if not INSTALLED & {folder.name} and INSTALLED & set(folder.parts)]
    files = [beside for folder in inside for beside in folder.glob("*.py")] or [file]
    return any(OURS.encode() in one.read_bytes() for one in files)


def _root(module: str, file: Path) -> Path | None:
    """The folder that a module's name starts from, if its file lies where the name says."""
    parts = module.split(".")
    for tail in (Path(*parts, "__init__.py"), Path(*parts[:-1], f"{parts[-1]}.py")):
        if file.parts[-len(tail.parts) :] == tail.parts:
            return file.parents[len(tail.parts) - 1]
    return None


def _files_in(folder: str, parts: list[str]) -> Iterator[tuple[Path, str]]:
    """The files of a package and below, in the order of their paths, each with its module's name."""
    # each question about code lists all files: ten times as fast as Path.rglob
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "__pycache__":
                yield from _files_in(entry.path, [*parts, entry.name])
        elif entry.is_file():
            path = Path(entry.path)
            yield path, ".".join(parts if path.stem == "__init__" else [*parts, path.stem])
