"""Trainings in processes of their own; see also test_executor.py."""

from __future__ import annotations

import multiprocessing
import threading
from types import SimpleNamespace
from typing import Any

from dagster._core.execution.retries import RetryMode

from ml_assets.orchestration.processes import LocalExecutor, Processes


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


class Ending:
    """A process whose step is done, and which has not ended yet."""

    def __init__(self) -> None:
        self.left = ["ending", "ended"]

    def __len__(self) -> int:
        return len(self.left)

    def events(self) -> list[str]:
        return [self.left.pop(0)]

    def wait(self) -> None: ...


def test_a_run_whose_steps_are_done_is_not_over_before_its_processes_are():
    nothing_to_do: Any = SimpleNamespace(
        is_complete=True,
        check_for_interrupts=lambda: False,
        get_steps_to_execute=list,
        concurrency_event_iterator=lambda context: [],
        plan_events_iterator=lambda context: [],
        sleep_interval=lambda: 0.0,
    )
    nowhere: Any = None
    ending: Any = Ending()

    assert list(LocalExecutor(1)._steps(nowhere, nothing_to_do, ending)) == ["ending", "ended"]
