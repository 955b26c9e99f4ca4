"""A new folder for a peer, with the landed files in it, where its commands are run and timed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.catalog import Peer
from benchmarks.peers.programs import steps

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
PATIENCE_SECONDS = 600


class CommandFailed(RuntimeError):
    """A peer's command ended with an error: what it said last."""


@dataclass(frozen=True)
class Workplace:
    """Where one peer works. All that it remembers (its home as well) is in ``folder``."""

    peer: Peer
    binaries: Path
    folder: Path

    @classmethod
    def new(cls, peer: Peer, binaries: Path, shared: Path) -> Workplace:
        """A folder in which nothing was run, beside the others in ``shared`` (see ``prepared``)."""
        number = sum(1 for _ in shared.iterdir())
        folder = shared / f"{peer.key}-{number}"
        shutil.copytree(shared / "landed", folder / "landed", copy_function=os.link)
        place = cls(peer, binaries, folder)
        if peer.requirements is None:
            place._settle_ours(shared)
        if "new" in peer.before:
            place._run(peer.before["new"], "")
        return place

    def seconds(self, scenario: str, value: str = "") -> float:
        """How long the peer's command takes; what it needs before and after is not counted."""
        if scenario in self.peer.before:
            self._run(self.peer.before[scenario], value)
        took = self._run(self.peer.commands[scenario], value)
        if scenario in self.peer.after:
            self._run(self.peer.after[scenario], value)
        return took

    def answer(self) -> object:
        """What the last command came to."""
        return json.loads((self.folder / "answer.json").read_text())

    def noted_seconds(self, what: str) -> float:
        """What a step took by its own clock."""
        return float((self.folder / f"{what}.seconds").read_text())

    def _run(self, command: str, value: str) -> float:
        filled = {"programs": "../programs", "value": value, "cores": os.cpu_count()}
        last = int(value) - 1 if value.isdigit() else ""
        arguments = shlex.split(command.format(**filled, last=last))
        started = time.perf_counter()
        done = subprocess.run(
            arguments,
            check=False,
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        took = time.perf_counter() - started
        if done.returncode:
            raise CommandFailed(f"{self.peer.name}: {shlex.join(arguments)}\n{done.stdout[-500:]}{done.stderr[-2000:]}")
        return took

    def _environment(self) -> dict[str, str]:
        shared = self.folder.parent
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
        return {
            **kept,
            "PATH": f"{self.binaries}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "USER": "ada",
            "PYTHONPATH": f"{shared / 'ours'}:{shared / 'programs'}" if self._is_ours else str(shared / "programs"),
            "OMP_NUM_THREADS": "1",
            "DAGSTER_HOME": str(self.folder),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(self.folder / ".dvc-site"),
            "FLYTE_SDK_LOGGING_LEVEL": "50",
            **self.peer.environment,
        }

    @property
    def _is_ours(self) -> bool:
        return self.peer.requirements is None

    def _settle_ours(self, shared: Path) -> None:
        shutil.copy(ROOT / "dagster.yaml", self.folder)
        shutil.copytree(shared / "landed", self.folder / ".ml_assets/landing/rides", copy_function=os.link)


def timed(command: list[str]) -> float:
    """Wall clock of a command in a process of its own."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def prepared(shared: Path) -> None:
    """The landed files, the programs, and our package with the pipeline as its only problem: what all workplaces share."""
    (shared / "landed").mkdir()
    for month in steps.MONTHS:
        steps.landed(month).to_parquet(shared / "landed" / f"{month}.parquet")
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROGRAMS, shared / "programs", ignore=no_caches)
    ours = shared / "ours" / "ml_assets"
    shutil.copytree(ROOT / "ml_assets", ours, ignore=shutil.ignore_patterns("__pycache__", "flight_delays"))
    (ours / "problems" / "rides").mkdir()
    shutil.copy(PROGRAMS / "ours.py", ours / "problems" / "rides" / "__init__.py")
    shutil.copy(PROGRAMS / "steps.py", ours / "problems" / "rides" / "steps.py")
