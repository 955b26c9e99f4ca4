"""From modules that code imports to the distributions that bring them, and their versions."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path


def package_versions(modules: Iterable[str]) -> dict[str, str]:
    """The versions of the distributions that bring these top-level modules: ``{"sklearn"} -> {"scikit-learn": "1.9.0"}``.

    A module that is not there counts as one whose version is "not installed": installing it changes what code can do.
    """
    found: dict[str, str] = {}
    for module in sorted(modules):
        found |= dict(_distributions(module, tuple(sys.path))) or {module: "not installed"}
    return dict(sorted(found.items()))


@lru_cache(maxsize=4096)
def _distributions(module: str, path: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Name and version of each distribution that has files in a module (``google`` has many)."""
    for entry in map(Path, path):
        if (entry / module).is_dir() or any(entry.glob(f"{module}.*")):
            of_its_name = [one for one in _metadata(entry) if _plain(one.name.partition("-")[0]) == _plain(module)]
            found = of_its_name or [one for one in _metadata(entry) if _brings(one, module)]
            if found:
                return tuple(map(_name_and_version, found))
    return ()


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


def _name_and_version(metadata: Path) -> tuple[str, str]:
    file = next(file for file in (metadata / "METADATA", metadata / "PKG-INFO") if file.is_file())
    head = file.read_text(encoding="utf-8").partition("\n\n")[0]
    fields = dict(re.findall(r"(?m)^(Name|Version): *(.*?) *$", head))
    return fields["Name"], fields["Version"]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
