"""The process that rebuilds: its code is the recorded source, unpacked into a clean folder; see ``orchestration/rebuild.py``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

from ml_assets.store import VersionKey

MODULE = "ml_assets.orchestration.rebuild"
ENTRY = f"{MODULE.replace('.', '/')}.py"
SETTLED_SECONDS = 0.05
"""Before the process starts: a kernel dates a process back by up to 10 ms, and files that look newer are taken for edited."""
LAST_LINES = 15  # of what a process that failed has said


class Environ(Protocol):
    """The variables of a process that imports from a folder before anywhere else, some of them changed."""

    def __call__(self, folder: str, told: Mapping[str, str]) -> Mapping[str, str]:
        """All variables."""
        ...


@dataclass(frozen=True)
class Group:
    """Versions that one process can rebuild: those of one source, with the same variables of the environment."""

    source: str
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answer:
    """What became of one version: the version that was made, in a store in ``scratch/<version>``, or why none was."""

    key: VersionKey
    rebuilt: str | None
    error: str


@dataclass(frozen=True)
class Place:
    """Where a group is rebuilt.

    Attributes:
        store, landing: addresses of what is read.
        scratch: an empty folder.
    """

    store: str
    landing: str
    scratch: Path

    def rebuild(
        self, keys: Sequence[VersionKey], group: Group, files: Mapping[str, bytes], environ: Environ
    ) -> Generator[Answer, None, None]:
        """An answer for each version, in their order. When this is closed, the process is over."""
        code, asked = self.scratch / "source", {**self._addresses, "versions": [asdict(key) for key in keys]}
        _unpack(files, code)
        variables = environ(str(code), dict(group.variables))
        with (
            (self.scratch / "said").open("w+", encoding="utf-8", errors="replace") as said,
            _running(self.scratch, variables, asked, said) as (process, answers),
        ):
            for key in keys:
                line = answers.readline()
                yield _answer(key, line) if line else Answer(key, None, _end(process, said))

    @property
    def _addresses(self) -> dict[str, str]:
        return {"store": self.store, "landing": self.landing, "scratch": str(self.scratch)}


def _unpack(files: Mapping[str, bytes], folder: Path) -> None:
    for path, data in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    time.sleep(SETTLED_SECONDS)


@contextmanager
def _running(
    folder: Path, variables: Mapping[str, str], asked: Mapping[str, Any], said: TextIO
) -> Iterator[tuple[subprocess.Popen[str], TextIO]]:
    """A process that was asked, and its answers; it is over at the end. Ctrl-C reaches it only from here.

    Answers have a pipe of their own: anybody's code may print.
    """
    ours, theirs = os.pipe()
    with os.fdopen(ours, encoding="utf-8") as answers:
        try:
            process = _start(folder, variables, {**asked, "answers": theirs}, said)
        finally:
            os.close(theirs)
        with process:
            try:
                yield process, answers
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)


def _start(folder: Path, variables: Mapping[str, str], asked: Mapping[str, Any], said: TextIO) -> subprocess.Popen[str]:
    """It is asked by a file, which is whole whether it is read or not."""
    question = folder / "question.json"
    question.write_text(json.dumps(asked), encoding="utf-8")
    with question.open(encoding="utf-8") as stdin:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-m", MODULE],
            cwd=folder,
            env=variables,
            stdin=stdin,
            stdout=said,
            stderr=said,
            pass_fds=(asked["answers"],),
            text=True,
            start_new_session=True,
        )


def _answer(key: VersionKey, line: str) -> Answer:
    told = json.loads(line)
    return Answer(key, told["rebuilt"], told["error"])


def _end(process: subprocess.Popen[str], said: TextIO) -> str:
    """How a process ended that should have answered, and what it said last."""
    code = process.wait()
    said.seek(0)
    lines = "".join(said.readlines()[-LAST_LINES:]).rstrip()
    return f"the process that rebuilds ended with code {code} before it was done: {lines or 'it said nothing'}"
