"""The local executor: two or more trainings of one run side by side in processes of their own, all else in the run's.

(Trainings of several partitions are several runs, see launch.py.)

Each is forked from a server that has loaded Dagster and the libraries of most trainings, and none of a problem's code: it
begins in a tenth of a second, where a new interpreter takes three. The server loads while the run's first steps are made.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from multiprocessing.context import BaseContext, ForkServerContext, ForkServerProcess
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterSubprocessError
from dagster._core.events import DagsterEvent
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.step import ExecutionStep, IExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.base import Executor
from dagster._core.executor.child_process_executor import ChildProcessCrashException
from dagster._core.executor.in_process import InProcessExecutor
from dagster._core.executor.multiprocess import execute_step_out_of_process
from dagster._utils.error import serializable_error_info_from_exc_info

from ml_assets.orchestration.executor import OWN_PROCESS, Elsewhere, MixedExecutor
from ml_assets.settings import environ_now, take_over, thread_limits

LIBRARIES = (
    "dagster._core.execution.api",
    "dagster._core.executor.multiprocess",
    "pandas",
    "pyarrow.parquet",
    "sklearn.base",
    "sqlalchemy",
)
"""What nearly every training loads; loading them starts no thread, which a fork would lose."""


@dg.executor(
    name="local",
    config_schema={
        "max_concurrent": dg.Field(int, is_required=False, description="Trainings at a time; default: cores.")
    },
)
def local_executor(context: dg.InitExecutorContext) -> Executor:
    """Light steps in the run's process; two or more trainings side by side in processes of their own."""
    limit = context.executor_config.get("max_concurrent")
    return LocalExecutor(limit if isinstance(limit, int) else os.cpu_count() or 1)


class LocalExecutor(MixedExecutor):
    """Trainings in processes of this machine, where there are two."""

    def leaves(self, step: IExecutionStep) -> bool:
        """Trainings do."""
        return OWN_PROCESS in (step.tags or {})

    def is_worth_it(self, n_leaving: int) -> bool:
        """One alone gains nothing from a process of its own."""
        return n_leaving >= 2

    def elsewhere(self, plan_context: PlanOrchestrationContext, active: ActiveExecution) -> Elsewhere:
        """Processes of this machine."""
        return Processes(plan_context, active, self.retries)


class _Forked(ForkServerProcess):
    """A process forked from the server, with the variables of who starts it: the server has those that it began with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._environ = environ_now()

    def run(self) -> None:
        take_over(self._environ)
        super().run()


class _ForkedContext(ForkServerContext):
    Process = _Forked


def process_context() -> BaseContext:
    """How processes for trainings are started.

    Numeric libraries read how many threads they may use when they are loaded: who changed that since needs a new interpreter.
    So does every other system than Linux, where loaded libraries may not survive a fork.
    """
    if sys.platform != "linux" or _limits_of_server() != thread_limits():
        return multiprocessing.get_context("spawn")
    return _ForkedContext()


@cache
def _limits_of_server() -> Mapping[str, int]:
    """Starts the server, which loads the libraries while we go on; the limits of threads with which it does."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(LIBRARIES))
    multiprocessing.forkserver.ensure_running()
    return thread_limits()


class Processes:
    """The trainings that run in processes of their own."""

    def __init__(self, plan_context: PlanOrchestrationContext, active: ActiveExecution, retries: RetryMode) -> None:
        self._plan_context, self._active, self._retries = plan_context, active, retries
        self._context = process_context()
        self._events: dict[str, Iterator[DagsterEvent | None]] = {}
        self._terminate: dict[str, Any] = {}
        self._processes: dict[str, Any] = {}
        self._errors: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self._events)

    def start(self, step: ExecutionStep) -> None:
        """Start a process for a step."""
        self._terminate[step.key] = self._context.Event()
        self._events[step.key] = execute_step_out_of_process(
            self._context,
            self._plan_context.reconstructable_job,
            self._plan_context.for_step(step),
            step,
            self._errors,
            self._processes,
            self._terminate,
            self._retries,
            self._active.get_known_state(),
            self._plan_context.execution_plan.repository_load_data,
        )

    def events(self) -> Iterator[DagsterEvent]:
        """What the processes have to say now; each is asked once, and waited for some milliseconds."""
        for key, events in list(self._events.items()):
            try:
                event = next(events)
            except StopIteration:
                self._finished(key)
            except ChildProcessCrashException:
                error = serializable_error_info_from_exc_info(sys.exc_info())
                step = self._plan_context.for_step(self._active.get_step_by_key(key))
                executor = InProcessExecutor(self._retries)
                event = executor.log_failure_or_retry_event_after_error(step, error, self._active.get_known_state())
                self._active.handle_event(event)
                yield event
                self._finished(key)
            else:
                if event is not None:
                    yield event
                    self._active.handle_event(event)

    def wait(self) -> None:
        """Asking them waits long enough."""

    def terminate(self) -> None:
        """Ask them to end, as Dagster interrupts a step."""
        for asked in self._terminate.values():  # not waited for: who dies while looking at it holds its lock for ever
            threading.Thread(target=asked.set, daemon=True).start()

    def raise_errors(self) -> None:
        """A process that could not even begin its step says so here, not as a step of unknown state."""
        if self._errors:
            said = "\n".join(error.to_string() for error in self._errors.values())
            raise DagsterSubprocessError(  # type: ignore[no-untyped-call]
                f"A training's process failed: {said}", subprocess_error_infos=list(self._errors.values())
            )

    def _finished(self, key: str) -> None:
        del self._events[key], self._terminate[key]
        self._processes.pop(key, None)
        self._active.verify_complete(self._plan_context, key)
