"""A program that runs in the container beside this one, whose image somebody else built: there need be no Python in it.

Both containers of the pod have one folder. ``beside.sh``, which is the other's first process, waits for orders in it:

    here                                           there
    orders    run …/order_x, TERM, KILL   ────▶    starts order_x/order; passes signals on
    told      ◀────  begun, exit code              held open while the command runs: its end is heard, however it ends
    stdout    ◀────  what it says, as it says it
    stderr    ◀────

All of them are fifos, so that nobody polls, nothing is kept twice, and a container that is gone is heard as the end of ``told``.
"""

from __future__ import annotations

import errno
import os
import select
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ml_assets.commands.place import FOR_ANYBODY
from ml_assets.errors import CommandFailed

ORDERS = "orders"
STARTS_WITHIN_SECONDS = 60.0
TRIES_AGAIN_SECONDS = 0.05
BY_SIGNAL = 128  # a shell's exit code for a signal, less its number
SIGNALS = range(1, 65)


def script() -> str:
    """What the other container runs: ``sh -c SCRIPT sh FOLDER``."""
    return Path(__file__).with_name("beside.sh").read_text()


@dataclass
class Beside:
    """One that runs there, as far as ``subprocess.Popen`` is used of one here."""

    folder: Path
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None
    told: IO[bytes]
    code: int | None = None

    def poll(self) -> int | None:
        """Its exit code; of a signal minus its number; None while it runs."""
        return self._code_within(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, when it has ended.

        Raises:
            subprocess.TimeoutExpired: if it has not by then.
        """
        code = self._code_within(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.folder), timeout or 0.0)
        return code

    def send_signal(self, sig: int) -> None:
        """To all of its processes; nothing happens where nobody is there any more."""
        _order(self.folder.parent, signal.Signals(sig).name.removeprefix("SIG"))

    def _code_within(self, timeout: float | None) -> int | None:
        if self.code is None and _has_more(self.told, timeout):
            self.code = _code(self.told.readline())
        return self.code


@contextmanager
def begun(folder: Path, words: Sequence[str], work: Path, environ: Mapping[str, str]) -> Iterator[Beside]:
    """Have the container beside this one run a program.

    Args:
        folder: the one that both have.
        work: where it runs, in ``folder``.
        environ: variables, besides those that its image has.
    Raises:
        CommandFailed: if it does not begin.
    """
    with _order_folder(folder) as order, ExitStack() as streams:
        (order / "order").write_text(_script_for(words, work, environ), errors="surrogateescape")
        stdout, stderr, told = (streams.enter_context(_fifo(order / name)) for name in ("stdout", "stderr", "told"))
        until = time.monotonic() + STARTS_WITHIN_SECONDS
        while not _order(folder, f"run {order}") and time.monotonic() < until:
            time.sleep(TRIES_AGAIN_SECONDS)
        if not _has_more(told, max(0.0, until - time.monotonic())) or not told.readline():
            raise CommandFailed(
                f"The container of the command did not begin it within {STARTS_WITHIN_SECONDS:g} s. Its image has to have sh, "
                "mkfifo and env. kubectl logs POD -c command says more."
            )
        yield Beside(order, stdout, stderr, told)


@contextmanager
def _order_folder(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="order_", dir=folder, ignore_cleanup_errors=True) as name:
        order = Path(name)
        order.chmod(FOR_ANYBODY)
        yield order


def _script_for(words: Sequence[str], work: Path, environ: Mapping[str, str]) -> str:
    told = [f"{name}={value}" for name, value in environ.items()]
    return f"cd {shlex.quote(str(work))} && exec env {shlex.join([*told, *words])}\n"


def _fifo(path: Path) -> IO[bytes]:
    """A new one, which is read here: it has something to read, or an end, when somebody has begun to write."""
    os.mkfifo(path)
    path.chmod(FOR_ANYBODY)
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)


def _order(folder: Path, line: str) -> bool:
    """Say it to the other container; whether it is there."""
    try:
        orders = os.open(folder / ORDERS, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENXIO):  # it has not begun; nobody listens
            return False
        raise
    with os.fdopen(orders, "wb", buffering=0) as listener:
        listener.write(f"{line}\n".encode())
    return True


def _has_more(stream: IO[bytes], timeout: float | None) -> bool:
    """Whether there is something to read, or the end, within so many seconds."""
    looked = select.poll()
    looked.register(stream, select.POLLIN)
    return bool(looked.poll(None if timeout is None else timeout * 1000))


def _code(told: bytes) -> int:
    """Of what was told; of nothing, SIGKILL's: all that ran there was killed, also what tells."""
    code = int(told or BY_SIGNAL + signal.SIGKILL)
    return BY_SIGNAL - code if code - BY_SIGNAL in SIGNALS else code
