"""Trainings in processes of their own; see also test_executor.py."""

from __future__ import annotations

import multiprocessing
import threading
from typing import Any

from dagster._core.execution.retries import RetryMode

from ml_assets.orchestration.processes import Processes


def test_a_process_that_died_while_it_looked_whether_it_is_to_end_holds_up_nobody():
    nothing: Any = None
    processes = Processes(nothing, nothing, RetryMode.ENABLED)
    dead, alive = (multiprocessing.get_context("spawn").Event() for _ in range(2))
    dead._cond.acquire()  # type: ignore[attr-defined]  # and is never given back
    processes._terminate = {"dead": dead, "alive": alive}

    ended = threading.Thread(target=processes.terminate, daemon=True)
    ended.start()
    ended.join(60)

    assert not ended.is_alive()
    assert alive.wait(60)
