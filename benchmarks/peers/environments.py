"""An environment per peer, made once, thrown away with its folder: `rm -r ~/.cache/ml_assets-benchmarks`."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.catalog import Peer

CACHE = Path.home() / ".cache" / "ml_assets-benchmarks"
SAME = ("pandas", "scikit-learn", "numpy", "scipy", "pyarrow")  # as in our own environment
INSTALL_SECONDS = 300


def binaries(peer: Peer) -> Path:
    """The folder with the peer's ``python`` and commands; installed if it was not.

    Raises:
        subprocess.SubprocessError: if it cannot be installed.
    """
    if peer.requirements is None:
        return Path(sys.executable).parent
    folder = CACHE / "-".join(
        [*(peer.requirements or ("plain",)), f"{sys.version_info.major}.{sys.version_info.minor}"]
    )
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _install(folder, peer.requirements)
        (folder / "installed").touch()
    return folder / "bin"


def _install(folder: Path, requirements: tuple[str, ...]) -> None:
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    links = {"UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", "")}  # wheels that pip is told of
    same = [f"{name}=={importlib.metadata.version(name)}" for name in (*SAME, *_same(requirements))]
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *requirements, *same],
    ):
        subprocess.run(command, check=True, timeout=INSTALL_SECONDS, env={**os.environ, **links})


def _same(requirements: tuple[str, ...]) -> list[str]:
    """Where we use the peer ourselves, it is of our version."""
    return [name for name in requirements if name in ("dagster", "joblib")]
