"""Python's scripts in processes that are there at once: forked from one that has loaded the libraries.

A new interpreter spends two seconds of a core on importing Dagster and pandas. A script that is forked has arguments, an
environment, a folder, a session, output and an end of its own, and nothing of ours was loaded before it. What is not as in a
new interpreter: the libraries are there already, with what they read from the environment when they were loaded.

    test            preloaded           minder             script
    start()  ────▶  forks it     ────▶  forks it    ────▶  setsid, its folder, its output, …; tells its process id
    wait()   ◀─────────────────────────  tells its end  ◀──  ends
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

LIBRARIES = (
    "dagster._cli",
    "dagster._core.storage.sqlite_storage",
    "dagster_k8s",
    "obstore.store",
    "pandera.pandas",
    "pandera.strategies.pandas_strategies",
    "pyarrow.parquet",
    "scipy.stats",
    "sklearn.metrics",
)

# ---------------------------------------------------------------- in the test


@dataclass
class Forked:
    """A script's process, as far as ``subprocess.Popen`` is used of one."""

    pid: int
    stdout: IO[bytes]
    _answers: IO[bytes]
    _ended: threading.Event = field(default_factory=threading.Event)
    _code: int | None = None

    def __post_init__(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        assert self._code is not None
        return self._code

    def _listen(self) -> None:
        with self._answers:
            self._code = int(self._answers.readline())
        self._ended.set()


@dataclass(frozen=True)
class Preloaded:
    """The process that is forked."""

    address: str

    def start(
        self, argv: list[str], *, env: Mapping[str, str], cwd: str, **how: Any
    ) -> Forked | subprocess.Popen[bytes]:
        """As ``Popen`` with a session and a pipe of its own, which starts what is no script of this interpreter."""
        program = shutil.which(argv[0], path=env["PATH"])
        if program is None or not _is_ours(Path(program)):
            return subprocess.Popen(argv, env=env, cwd=cwd, **how)
        return self._fork([program, *argv[1:]], env, cwd)

    def run(self, argv: list[str], *, env: Mapping[str, str], cwd: str) -> subprocess.CompletedProcess[str]:
        """A script, to its end; what it printed and what it complained of apart."""
        with TemporaryFile() as errors:
            forked = self._fork(argv, env, cwd, errors.fileno())
            with forked.stdout:
                printed = forked.stdout.read().decode()
            code = forked.wait()
            errors.seek(0)
            return subprocess.CompletedProcess(argv, code, printed, errors.read().decode())

    def _fork(self, argv: list[str], env: Mapping[str, str], cwd: str, errors: int | None = None) -> Forked:
        readable, writable = os.pipe()
        asked = json.dumps({"argv": argv, "env": dict(env), "cwd": cwd}).encode()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.address)
            socket.send_fds(connection, [b"\n"], [writable, writable if errors is None else errors])
            os.close(writable)
            connection.sendall(asked)
            connection.shutdown(socket.SHUT_WR)
            answers = connection.makefile("rb")
        return Forked(int(answers.readline()), os.fdopen(readable, "rb"), answers)


def _is_ours(program: Path) -> bool:
    with program.open("rb") as file:
        first = file.readline().strip()
    return first.startswith(b"#!") and Path(os.fsdecode(first[2:])).parent == Path(sys.executable).parent


@contextlib.contextmanager
def preloaded(folder: Path) -> Iterator[Preloaded]:
    """It ends with this process, whatever ends that: then its input ends."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ML_ASSETS_", "DAGSTER_"))
    }
    command = [sys.executable, "-P", __file__, str(folder / "preloaded")]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield Preloaded(str(folder / "preloaded"))
        server.stdin.close()


# ---------------------------------------------------------------- in the process that is forked


def serve(address: str) -> list[str]:
    """Returns only in a script's process: what it is to run."""
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        os.write(1, b"ready\n")
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # minders are nobody's concern
        while True:
            readable, _, _ = select.select([listener, 0], [], [])
            if 0 in readable:
                os._exit(0)
            connection, _ = listener.accept()
            if os.fork() == 0:
                break
            connection.close()
    return minded(connection)


def minded(connection: socket.socket) -> list[str]:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection:
        _, outputs, _, _ = socket.recv_fds(connection, 1, 2)
        with connection.makefile("rb") as asked:
            asks = json.load(asked)
        child = os.fork()
        if child:
            for output in outputs:
                os.close(output)
            _, status = os.waitpid(child, 0)
            connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            os._exit(0)
        become(outputs, **asks)
        connection.sendall(b"%d\n" % os.getpid())
    argv: list[str] = asks["argv"]
    return argv


def become(outputs: list[int], argv: list[str], env: dict[str, str], cwd: str) -> None:
    """What the system gives a new process, and what Python takes from it."""
    import numpy

    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for known, descriptor in enumerate([nothing, *outputs]):
        os.dup2(descriptor, known)
    for descriptor in (nothing, *outputs):
        os.close(descriptor)
    os.chdir(cwd)
    numpy.random.seed()  # as it is seeded when it is loaded; random does that by itself
    os.environ.clear()
    os.environ.update(env)
    sys.argv[:] = argv
    sys.path[:0] = [str(Path(argv[0]).parent), *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    warnings._processoptions(filter(None, env.get("PYTHONWARNINGS", "").split(",")))  # type: ignore[attr-defined]


if __name__ == "__main__":
    runpy.run_path(serve(sys.argv[1])[0], run_name="__main__")
