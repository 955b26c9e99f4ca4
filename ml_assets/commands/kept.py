"""The checkpoints folder of a command: what is in it is kept while it runs, and there again when the same training goes on.

A file is to appear in it whole: written under a name that begins with a dot, which nobody looks at, and renamed. What is in it is
kept each time that it has changed, as long as that takes little of the training's time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ml_assets.problem import Checkpoints
from ml_assets.store import Folder
from ml_assets.training.checkpoints import LARGEST_SHARE

Looks = dict[str, tuple[int, int, int]]


@dataclass
class KeptFolder:
    """One.

    Attributes:
        step: the last one that was kept; kept states are counted on where a command tells of no steps.
    """

    folder: Path
    checkpoints: Checkpoints
    step: int = 0
    took: float = 0.0
    kept_at: float = 0.0
    seen: Looks | None = None

    def restore(self) -> None:
        """Put what was kept into the folder."""
        found = self.checkpoints.latest()
        if found is not None:
            self.step = found.step
            Folder.of(found.state["files"]).copy_to(self.folder)
        self.seen = self._looks()

    def keep(self, step: int, *, is_last: bool = False) -> None:
        """Keep what is there if it has changed, now if it is the last chance."""
        now = time.monotonic()
        if not is_last and now - self.kept_at < self.took / LARGEST_SHARE:
            return
        try:
            looks = self._looks()
            files = self._files() if looks != self.seen else {}
        except FileNotFoundError:
            return  # the command takes something away at this moment: the next look will tell
        if files:
            self.step = max(step, self.step + 1)
            self.checkpoints.save(self.step, {"files": files})
            self.seen, self.kept_at, self.took = looks, time.monotonic(), time.monotonic() - now

    def _looks(self) -> Looks:
        """What tells a file from what it was: which it is, how large, and of when."""
        stats = {self._name(path): path.stat() for path in self._paths()}
        return {name: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}

    def _files(self) -> dict[str, bytes]:
        return {self._name(path): path.read_bytes() for path in self._paths()}

    def _paths(self) -> list[Path]:
        found = sorted(path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return [path for path in found if not any(part.startswith(".") for part in path.relative_to(self.folder).parts)]

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()
