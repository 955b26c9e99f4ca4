"""From modules that code imports to the distributions that bring them, and their versions."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from ml_assets.store import canonical, digest

CODE = (".py", ".so", ".pyd")


def package_versions(modules: Iterable[str]) -> dict[str, str]:
    """The versions of the distributions that bring these top-level modules: ``{"sklearn"} -> {"scikit-learn": "1.9.0"}``.

    A module that is not there counts as one whose version is "not installed": installing it changes what code can do. One
    that no distribution brings (it was copied there) counts by its files.
    """
    found: dict[str, str] = {}
    for module in sorted(modules):
        found |= dict(_distributions(module, tuple(sys.path))) or {module: _without_version(module, tuple(sys.path))}
    return dict(sorted(found.items()))


@lru_cache(maxsize=4096)
def _distributions(module: str, path: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Name and version of each distribution that has files in a module (``google`` has many)."""
    for entry in map(Path, path):
        if (entry / module).is_dir() or any(entry.glob(f"{module}.*")):
            of_its_name = [one for one in _metadata(entry) if _plain(one.name.partition("-")[0]) == _plain(module)]
            found = _named(of_its_name) or _named(one for one in _metadata(entry) if _brings(one, module))
            if found:
                return found
    return ()


@lru_cache(maxsize=4096)
def _without_version(module: str, path: tuple[str, ...]) -> str:
    for entry in map(Path, path):
        below = [*(entry / module).rglob("*"), *entry.glob(f"{module}.*")]
        if files := sorted(file for file in below if file.suffix in CODE and file.is_file()):
            text = {file.relative_to(entry).as_posix(): digest(file.read_bytes()) for file in files}
            return f"no version, files {digest(canonical(text))[:12]}"
    return "not installed"


@lru_cache(maxsize=64)
def _metadata(folder: Path) -> list[Path]:
    """The metadata folders of what is installed in a folder."""
    return sorted(one for one in folder.iterdir() if one.suffix in (".dist-info", ".egg-info") and one.is_dir())


def _brings(metadata: Path, module: str) -> bool:
    """By the names of its files: importlib.metadata reads all that is installed, which takes a third of a second."""
    record = metadata / "RECORD"
    if record.is_file():
        listed = b"\n" + record.read_bytes()
        return f"\n{module}/".encode() in listed or f"\n{module}.".encode() in listed
    tops = metadata / "top_level.txt"
    return tops.is_file() and module in tops.read_text(encoding="utf-8").split()


def _named(folders: Iterable[Path]) -> tuple[tuple[str, str], ...]:
    """Name and version, as far as these folders tell them: what an interrupted installation leaves behind does not."""
    files = [file for one in folders for file in (one / "METADATA", one / "PKG-INFO") if file.is_file()]
    heads = [file.read_text(encoding="utf-8").partition("\n\n")[0] for file in files]
    fields = [dict(re.findall(r"(?m)^(Name|Version): *(.*?) *$", head)) for head in heads]
    return tuple((of["Name"], of["Version"]) for of in fields if len(of) == 2)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
