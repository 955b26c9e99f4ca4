"""Processes that answer on one port: one, or several that are looked after.

    the process that was started ── forks before anything heavy is loaded ──▶ workers, which share the socket

A worker that ends is started again. SIGTERM and Ctrl-C stop all: nothing new is taken, what is being answered is finished.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from starlette.types import ASGIApp

from ml_assets.errors import MlAssetsError
from ml_assets.pages.server import Listening
from ml_assets.serving.alarm import on_stderr

MISUSED = 3  # how a worker ends that can never start: it is not started again
PAUSE_SECONDS = 1.0  # before a worker that ended is started again


def answer(app: ASGIApp, at: Listening, stop_seconds: int) -> None:
    """Answer in this process until Ctrl-C or SIGTERM; what is being answered then is finished first."""
    import uvicorn

    config = uvicorn.Config(
        app,
        lifespan="on",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=stop_seconds,
    )
    signal.signal(signal.SIGTERM, lambda number, frame: None)  # uvicorn sends it again once it has stopped
    try:
        uvicorn.Server(config).run(sockets=[at.socket])
    except KeyboardInterrupt:  # likewise
        return


def answer_in(workers: int, app_of: Callable[[int], ASGIApp], at: Listening, stop_seconds: int) -> int:
    """Answer in so many processes; returns the exit code.

    Args:
        app_of: makes the application of a worker, in its process.
    """
    if workers == 1:
        answer(app_of(0), at, stop_seconds)
        return 0
    return _Workers(workers, app_of, at, stop_seconds).run()


class _Workers:
    """Forked, for what a worker is made of cannot be sent to a process; nothing has threads by then."""

    def __init__(self, count: int, app_of: Callable[[int], ASGIApp], at: Listening, stop_seconds: int) -> None:
        self._context = multiprocessing.get_context("fork")
        self._app_of, self._at, self._stop_seconds = app_of, at, stop_seconds
        self._told, self._tell = self._context.Pipe(duplex=False)
        self._running: dict[int, BaseProcess] = {}
        self._numbers = range(count)

    def run(self) -> int:
        for kind in (signal.SIGTERM, signal.SIGINT):
            signal.signal(kind, lambda *_: self._tell.send_bytes(b"stop"))
        for number in self._numbers:
            self._start(number)
        code = self._look_after()
        for worker in self._running.values():
            worker.terminate()
        for worker in self._running.values():
            worker.join(self._stop_seconds + PAUSE_SECONDS)
            worker.kill()  # it has ended, or does not
        return code

    def _look_after(self) -> int:
        while True:
            ended: list[Any] = wait([self._told, *(worker.sentinel for worker in self._running.values())])
            if self._told in ended:
                return 0
            for number in [n for n, worker in self._running.items() if worker.sentinel in ended]:
                worker = self._running.pop(number)
                worker.join()
                if worker.exitcode == MISUSED:
                    return MISUSED
                on_stderr(f"worker {number} ended ({worker.exitcode}); it is started again")
                if wait([self._told], PAUSE_SECONDS):
                    return 0
                self._start(number)

    def _start(self, number: int) -> None:
        worker = self._context.Process(target=self._work, args=(number,), name=f"worker {number}")
        worker.start()
        self._running[number] = worker

    def _work(self, number: int) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            answer(self._app_of(number), self._at, self._stop_seconds)
        except MlAssetsError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            sys.exit(MISUSED)
