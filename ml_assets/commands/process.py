"""Runs a program: hears what it says while it runs, looks after it now and then, and leaves nothing of it behind.

Asked to stop, its process group gets SIGTERM and has a while to save; what is left of the group in the end is killed. It is in
the care of ``warden.py``, so that it also ends where this process is killed; or in that of ``beside.py``, where its image has a
container of its own.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol, cast

from ml_assets.commands import beside
from ml_assets.commands.said import LONGEST_LINE

WARDEN = str(Path(__file__).with_name("warden.py"))
LOOKS_SECONDS = 0.2  # between looks at a program that says nothing
SAVES_WITHIN_SECONDS = 60.0  # of being asked to stop; pods have 90
ENDS_WITHIN_SECONDS = 5.0  # where nobody waits for what it saves
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Ending:
    """How a program ended.

    Attributes:
        code: its exit code; of a signal minus its number.
        asked: why it was asked to stop; empty if it was not.
    """

    code: int
    asked: str = ""

    def __str__(self) -> str:
        if self.code >= 0:
            return f"ended with exit code {self.code}"
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-self.code).name}"
        return f"was ended by signal {-self.code}"


class Running(Protocol):
    """A program that runs: what of ``subprocess.Popen`` is used. Signals reach all that it has started."""

    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    def poll(self) -> int | None: ...  # noqa: D102
    def wait(self, timeout: float | None = None) -> int: ...  # noqa: D102
    def send_signal(self, sig: int) -> None: ...  # noqa: D102


def run(
    words: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    hear: Callable[[str, bytes], None],
    look: Callable[[], str],
    *,
    shared: Path | None = None,
) -> Ending:
    """Run it to its end.

    Args:
        hear: is given each line with the name of its stream, in this thread.
        look: is called now and then, in this thread; says why the program is to stop, else nothing.
        shared: the folder that the container beside this one has, too, where the program runs there.
    """
    with _started(words, folder, environ, shared) as process:
        asked, until, looked_at = "", 0.0, 0.0
        for line in _lines(process):
            if line is not None:
                hear(*line)
            now = time.monotonic()
            if asked and now > until:
                process.send_signal(signal.SIGKILL)
            elif not asked and now - looked_at >= LOOKS_SECONDS:
                asked, looked_at = look(), now
                if asked:
                    process.send_signal(signal.SIGTERM)
                    until = now + SAVES_WITHIN_SECONDS
        return Ending(process.wait(), asked)


@contextmanager
def _started(words: Sequence[str], folder: Path, environ: Mapping[str, str], shared: Path | None) -> Iterator[Running]:
    with beside.begun(shared, words, folder, environ) if shared else _group(words, folder, environ) as process:
        try:
            yield process
        finally:
            _end(process)


class _Group(subprocess.Popen[bytes]):
    def send_signal(self, sig: int) -> None:
        with suppress(ProcessLookupError, PermissionError):  # nobody of its group is there any more
            os.killpg(self.pid, sig)


def _group(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> _Group:
    return _Group(
        [sys.executable, "-I", "-S", WARDEN, *words],
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )


def _end(process: Running) -> None:
    """End all of it that is still there; it may save a little where something went wrong on our side."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDS_WITHIN_SECONDS)
    process.send_signal(signal.SIGKILL)


def _lines(process: Running) -> Iterator[tuple[str, bytes] | None]:
    """Its lines as they come, with their stream; None each time that a while has passed. Ends soon after the program."""
    quiet_since = 0.0
    with selectors.DefaultSelector() as streams:
        for name, of in {"stdout": process.stdout, "stderr": process.stderr}.items():
            if of is not None:
                streams.register(of, selectors.EVENT_READ, _Split(name))
        while streams.get_map():
            ready = streams.select(LOOKS_SECONDS)
            for key, _ in ready:
                data = os.read(key.fd, CHUNK_BYTES)
                yield from cast("_Split", key.data).lines(data)
                if not data:
                    streams.unregister(key.fileobj)
            yield None
            if process.poll() is None or ready:
                quiet_since = time.monotonic()
            else:  # what it left in its group holds its streams open; what left its group, nobody waits for
                process.send_signal(signal.SIGKILL)
                if time.monotonic() - quiet_since > ENDS_WITHIN_SECONDS:
                    return
    while process.poll() is None:  # it closed its streams, and goes on
        yield None
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOKS_SECONDS)


@dataclass
class _Split:
    """Makes lines of what comes of one stream; of one that is too long, the beginning."""

    name: str
    begun: bytearray = field(default_factory=bytearray)

    def lines(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """Those that are whole; the last one too, when nothing more comes."""
        *whole, rest = data.split(b"\n")
        for part in whole:
            yield self.name, bytes((self.begun + part)[:LONGEST_LINE])
            self.begun.clear()
        self.begun += rest[: LONGEST_LINE - len(self.begun)]
        if not data and self.begun:
            yield self.name, bytes(self.begun)
