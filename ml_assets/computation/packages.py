"""From modules that code imports to the distributions that bring them, and what those are known by: version and files.

A version number is a promise that a re-installed in-house package does not keep. So the digest of its files, as the
installer's RECORD lists them, counts too (Python Packaging User Guide, "Recording installed projects").
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from ml_assets.store import digest

CODE = (".py", ".so", ".pyd")
FILES, NOT_INSTALLED = "files ", "not installed"
SHOWN_DIGITS = 12


def package_versions(modules: Iterable[str]) -> dict[str, str]:
    """What the distributions that bring these top-level modules are known by: ``{"scikit-learn": "1.9.1 (files 3f9a12bc7e01)"}``.

    A module that is not there counts as one whose version is "not installed": installing it changes what code can do. One
    that no distribution brings (it was copied there) counts by its files.
    """
    found: dict[str, str] = {}
    for module in sorted(modules):
        found |= dict(_distributions(module, tuple(sys.path))) or {module: _without_version(module, tuple(sys.path))}
    return dict(sorted(found.items()))


def installed_as(name: str) -> str:
    """What an installed distribution is known by; "not installed" if it is not, whatever its modules are called."""
    for entry in map(Path, sys.path):
        if found := _named(entry, (one for one in _metadata(entry) if _is_called(one, name))):
            return found[0][1]
    return _without_version(name, tuple(sys.path))


def version_of(known_by: str) -> str:
    """The version alone: ``1.9.1 (files 3f9a12bc7e01)`` is ``1.9.1``."""
    return known_by.partition(f" ({FILES}")[0]


@lru_cache(maxsize=4096)
def _distributions(module: str, path: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Each distribution that has files in a module (``google`` has many), with what it is known by."""
    for entry in map(Path, path):
        if (entry / module).is_dir() or any(entry.glob(f"{module}.*")):
            of_its_name = [one for one in _metadata(entry) if _is_called(one, module)]
            found = _named(entry, of_its_name, module)
            found = found or _named(entry, (one for one in _metadata(entry) if _brings(one, module)), module)
            if found:
                return found
    return ()


@lru_cache(maxsize=4096)
def _without_version(module: str, path: tuple[str, ...]) -> str:
    for entry in map(Path, path):
        if lines := _lines_of_module(entry, module):
            return f"no version, {FILES}{_digest(lines)}"
    return NOT_INSTALLED


@lru_cache(maxsize=64)
def _metadata(folder: Path) -> list[Path]:
    """The metadata folders of what is installed in a folder."""
    if not folder.is_dir():
        return []
    return sorted(one for one in folder.iterdir() if one.suffix in (".dist-info", ".egg-info") and one.is_dir())


def _brings(metadata: Path, module: str) -> bool:
    """By the names of its files: importlib.metadata reads all that is installed, which takes a third of a second."""
    record = metadata / "RECORD"
    if record.is_file():
        listed = b"\n" + record.read_bytes()
        return f"\n{module}/".encode() in listed or f"\n{module}.".encode() in listed
    tops = metadata / "top_level.txt"
    return tops.is_file() and module in tops.read_text(encoding="utf-8").split()


def _is_called(metadata: Path, name: str) -> bool:
    return _plain(metadata.name.partition("-")[0]) == _plain(name)


def _named(entry: Path, folders: Iterable[Path], module: str = "") -> tuple[tuple[str, str], ...]:
    """Name and what it is known by, as far as these folders tell: what an interrupted installation leaves behind does not."""
    found = []
    for one in folders:
        about = next((file for file in (one / "METADATA", one / "PKG-INFO") if file.is_file()), None)
        head = about.read_text(encoding="utf-8").partition("\n\n")[0] if about else ""
        fields = dict(re.findall(r"(?m)^(Name|Version): *(.*?) *$", head))
        if len(fields) == 2:
            lines = _lines_of_record(entry, one) or _lines_of_module(entry, module)
            found.append((fields["Name"], f"{fields['Version']} ({FILES}{_digest(lines)})"))
    return tuple(found)


def _lines_of_record(entry: Path, metadata: Path) -> list[bytes]:
    """What its RECORD says of each file; of a file that it gives no hash for (as conda leaves some), the file's own digest."""
    record = metadata / "RECORD"
    listed = record.read_bytes().splitlines() if record.is_file() else []
    # where and when it was installed says nothing: scripts (outside of the folder), metadata, what pip compiled
    elsewhere = tuple(f"{quote}{start}".encode() for quote in ("", '"') for start in ("../", "/", f"{metadata.name}/"))
    kept = [line for line in listed if not line.startswith(elsewhere) and b"__pycache__/" not in line]
    return sorted(line if b",sha" in line else _with_hash(entry, line) for line in kept)


def _with_hash(entry: Path, line: bytes) -> bytes:
    path = entry / line.rsplit(b",", 2)[0].strip(b'"').decode()
    return line + digest(path.read_bytes()).encode() if path.is_file() else line


def _lines_of_module(entry: Path, module: str) -> list[bytes]:
    """The same of files that no RECORD lists."""
    below = [*(entry / module).rglob("*"), *entry.glob(f"{module}.*")] if module else []
    files = sorted(file for file in below if file.suffix in CODE and file.is_file())
    return [f"{file.relative_to(entry).as_posix()},{digest(file.read_bytes())}".encode() for file in files]


def _digest(lines: Iterable[bytes]) -> str:
    return digest(b"\n".join(lines))[:SHOWN_DIGITS]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
