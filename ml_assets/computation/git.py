"""Which commit some code is, and how the files at hand differ from it.

Git is only asked: it takes no lock, refreshes no index, runs no hook and no file-system monitor, and is done in bounded time.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from ml_assets.problem import Problem
from ml_assets.settings import environ_for_git
from ml_assets.store import canonical, digest

MOST_BYTES = 64 * 2**20  # of differing files that are read, the smallest first; beyond, a file counts by its size
ANSWERS_WITHIN_SECONDS = 30
ONLY_ASK = ("--no-optional-locks", "--no-pager", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
STATUS = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=none")
_REMOTE = re.compile(r"(?:https?|ssh)://(?:[^/@]*@)?(?P<host>[^/]+)/(?P<path>.+)|[^/@]+@(?P<scp>[^/:@]+):(?P<path_>.+)")
NOT_COMPILED = ("--", ".", ":(exclude)*.pyc")  # what Python writes by itself changes no code


def code_identity(module: str = "ml_assets") -> Mapping[str, Any]:
    """The identity of the package, or lone file, that a loaded module is in, see ``git_identity``."""
    folder = _folder_of(module)
    return git_identity(folder) if folder else {}


def identity_of(problem: Problem) -> Mapping[str, Any]:
    """That of the package, or lone file, in which a problem is written."""
    return code_identity(_module_of(problem))


def repository_of(problem: Problem) -> str:
    """Where the code of a problem comes from, as an http(s) address without credentials; empty where git names no such place."""
    folder = _folder_of(_module_of(problem))
    return _repository(folder) if folder and git_identity(folder) else ""


@cache
def _repository(folder: Path) -> str:
    remote = _git(folder, "config", "--get", "remote.origin.url")
    return web_address(remote.decode(errors="replace").strip()) if remote else ""


def web_address(remote: str) -> str:
    """The address of a remote for a browser; empty for one that has none.

    >>> web_address("git@git.example:ml/acme.git"), web_address("https://ada:secret@git.example/ml/acme"), web_address("../acme")
    ('https://git.example/ml/acme', 'https://git.example/ml/acme', '')
    """
    found = _REMOTE.fullmatch(remote)
    if found is None:
        return ""
    host, path = found["host"] or found["scp"], found["path"] or found["path_"]
    scheme = "http" if remote.startswith("http:") else "https"
    host = host.partition(":")[0] if remote.startswith("ssh:") else host  # the port of another protocol
    return f"{scheme}://{host}/{path.removesuffix('/').removesuffix('.git')}"


def _module_of(problem: Problem) -> str:
    function: Any = problem.dataset
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__module__", None) or "ml_assets"


def _folder_of(module: str) -> Path | None:
    """The folder of the package, or lone file, that a loaded module is in."""
    top = sys.modules.get(module.partition(".")[0])
    file = getattr(top, "__file__", None)
    places = [file] if file else list(getattr(top, "__path__", ()))  # a folder without __init__.py has no file
    return (Path(places[0]).parent if file else Path(places[0])) if places else None


@cache
def git_identity(folder: Path) -> Mapping[str, Any]:
    """``git_commit``, ``git_dirty`` and, where dirty, ``git_diff``: a digest of how the files below ``folder`` differ.

    Equal commits and equal diffs are equal files. Empty where nothing can be claimed: without git, repository or commit,
    and where the repository ignores the folder (packages installed inside a project). Asked once per process: what was
    imported then does not change either.
    """
    return dict(_identity(folder))


def _identity(folder: Path) -> Iterator[tuple[str, Any]]:
    head = _git(folder, "rev-parse", "--show-toplevel", "HEAD")
    if head is None or _git(folder, "check-ignore", ".") is not None:
        return
    top, commit = head.removesuffix(b"\n").rsplit(b"\n", 1)
    yield "git_commit", commit.decode()
    status = _git(folder, *STATUS, *NOT_COMPILED)
    if status is None:
        return
    yield "git_dirty", bool(status)
    if status:
        names = [os.fsdecode(line[3:]) for line in status.split(b"\0") if line]
        yield "git_diff", digest(canonical(_differing(Path(os.fsdecode(top)), names)))


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git answers; None where it refuses, is not there, or does not get done."""
    command = ["git", "-C", str(folder), *ONLY_ASK, *arguments]
    try:
        return subprocess.run(  # noqa: S603
            command,
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=ANSWERS_WITHIN_SECONDS,
            env=environ_for_git(),
        ).stdout
    except (OSError, subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None


def _differing(top: Path, names: Sequence[str]) -> dict[str, Any]:
    """What the files that differ from the commit now are, by name."""
    sized = sorted((_size(top / name), name) for name in names)
    totals = accumulate(size for size, _ in sized)
    return {
        _text(name): _fingerprint(top / name) if total <= MOST_BYTES else {"bytes": size}
        for (size, name), total in zip(sized, totals, strict=True)
    }


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _fingerprint(path: Path) -> Any:
    """The digest of a file, the target of a link, the identity of a repository inside; None if it was deleted."""
    try:
        if path.is_symlink():
            return {"link": _text(os.readlink(path))}  # noqa: PTH115  # as it is written
        if path.is_dir():
            return dict(_identity(path))
        return {"digest": digest(path.read_bytes()), "executable": os.access(path, os.X_OK)} if path.is_file() else None
    except OSError:  # deleted meanwhile, or not for us to read
        return None


def _text(name: str) -> str:
    """A name that JSON can hold, also where it is no text."""
    return os.fsencode(name).decode(errors="backslashreplace")
