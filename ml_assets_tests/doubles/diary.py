"""A training that is told how far it may go, and writes down what it does; between processes, by two files in a folder.

``command`` says how many steps may be taken; ``diary`` has a line for everything that happened: ``begin 0``, ``step 1``, ...
"""

from __future__ import annotations

import pathlib  # by its own name: tests that patch a Path would count as code of whoever mentions one
import time
from collections.abc import Callable
from dataclasses import dataclass

STEPS = 6
PATIENCE_SECONDS = 240


@dataclass(frozen=True)
class Diary:
    folder: pathlib.Path

    @classmethod
    def of(cls, folder: str) -> Diary:
        return cls(pathlib.Path(folder))

    def lines(self) -> list[str]:
        diary = self.folder / "diary"
        return diary.read_text().splitlines() if diary.exists() else []

    def write(self, line: str) -> None:
        with (self.folder / "diary").open("a") as diary:
            diary.write(f"{line}\n")

    def allow(self, steps: int) -> None:
        written = self.folder / "command.new"
        written.write_text(str(steps))
        written.rename(self.folder / "command")

    def wait_until_allowed(self, step: int, unless: Callable[[], bool] = lambda: False) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while int((self.folder / "command").read_text()) < step and not unless():
            if time.monotonic() > until:
                raise TimeoutError("nobody told it to go on")
            time.sleep(0.02)
