"""The local executor: light steps share the run's process, trainings run side by side in processes of their own.

A spawned step costs seconds (it imports everything again), a step in the run's process a tenth of one. So a process is
spawned only where it gains something: when one run has at least two trainings, those of two problems for example, which
can then run at the same time. (Trainings of several partitions are several runs, see launch.py.)

    run's process   ── dataset ── features ── split ─┬──────────────┬─ evaluation ── champion
    child 1                                          ├─ model of A ─┤
    child 2                                          └─ model of B ─┘

Uses Dagster's own building blocks for both kinds of step (``dagster._core``: pinned, and held by a test).
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.errors import DagsterSubprocessError
from dagster._core.events import DagsterEvent
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.context.system import PlanExecutionContext, PlanOrchestrationContext
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.execute_plan import dagster_event_sequence_for_step
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.base import Executor
from dagster._core.executor.child_process_executor import ChildProcessCrashException
from dagster._core.executor.in_process import InProcessExecutor
from dagster._core.executor.multiprocess import execute_step_out_of_process
from dagster._utils.error import serializable_error_info_from_exc_info

from ml_assets.orchestration.event_files import held_open

OWN_PROCESS = "ml_assets/own_process"
"""Tag of ops that are worth a process of their own."""


ALL_THREADS = "ml_assets/all_threads"
"""Tag of trainings whose result may depend on the number of threads: it does not shrink for those that run side by side."""


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


class LocalExecutor(Executor):
    """See the module's docstring."""

    def __init__(self, max_concurrent: int) -> None:
        self._max_concurrent = max_concurrent

    @property
    def retries(self) -> RetryMode:
        """Steps are retried as their retry policies say."""
        return RetryMode.ENABLED

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        """Run the plan's steps, in process or in child processes, and yield their events."""
        with held_open(plan_context.instance, plan_context.dagster_run.run_id):
            yield from self._run(plan_context, execution_plan)

    def _run(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        trainings = [key for key in execution_plan.step_keys_to_execute if _own_process(execution_plan, key)]
        if len(trainings) < 2 or not isinstance(plan_context.job, ReconstructableJob):
            yield from InProcessExecutor(self.retries).execute(plan_context, execution_plan)
            return
        yield from ExecuteRunWithPlanIterable(
            execution_plan=execution_plan,
            iterator=partial(self._mixed, plan_context),
            execution_context_manager=PlanExecutionContextManager(
                job=plan_context.job,
                retry_mode=self.retries,
                execution_plan=execution_plan,
                run_config=plan_context.run_config,
                dagster_run=plan_context.dagster_run,
                instance=plan_context.instance,
                raise_on_error=False,
            ),
        )

    def _mixed(
        self, plan_context: PlanOrchestrationContext, job_context: PlanExecutionContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        limits = InstanceConcurrencyContext(plan_context.instance, plan_context.dagster_run)
        with limits, execution_plan.start(self.retries, instance_concurrency_context=limits) as active:
            children = _Children(plan_context, active, self.retries)
            try:
                yield from self._steps(job_context, execution_plan, active, children)
            finally:
                children.terminate()
            children.raise_errors()

    def _steps(
        self, job_context: PlanExecutionContext, plan: ExecutionPlan, active: ActiveExecution, children: _Children
    ) -> Iterator[DagsterEvent]:
        light: list[ExecutionStep] = []
        waiting: list[ExecutionStep] = []
        while not active.is_complete:
            if active.check_for_interrupts():
                active.mark_interrupted()
                children.terminate()
                while children:
                    yield from children.events()
                return
            for step in active.get_steps_to_execute():
                (waiting if _own_process(plan, step.key) else light).append(step)
            while waiting and len(children) < self._max_concurrent:
                children.start(waiting.pop(0))
            yield from children.events()
            if light:
                yield from _in_process(job_context, active, light.pop(0))
            yield from active.concurrency_event_iterator(job_context)
            yield from active.plan_events_iterator(job_context)
            if not light and not children:
                active.sleep_til_ready()


class _Children:
    """The trainings that run in processes of their own."""

    def __init__(self, plan_context: PlanOrchestrationContext, active: ActiveExecution, retries: RetryMode) -> None:
        self._plan_context, self._active, self._retries = plan_context, active, retries
        self._spawn = multiprocessing.get_context("spawn")
        self._events: dict[str, Iterator[DagsterEvent | None]] = {}
        self._terminate: dict[str, Any] = {}
        self._processes: dict[str, Any] = {}
        self._errors: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self._events)

    def start(self, step: ExecutionStep) -> None:
        self._terminate[step.key] = self._spawn.Event()
        self._events[step.key] = execute_step_out_of_process(
            self._spawn,
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
        """What the children have to say now; each is asked once, and waited for some milliseconds."""
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

    def terminate(self) -> None:
        for asked in self._terminate.values():
            asked.set()

    def raise_errors(self) -> None:
        """A child that could not even begin its step says so here, not as a step of unknown state."""
        if self._errors:
            said = "\n".join(error.to_string() for error in self._errors.values())
            raise DagsterSubprocessError(  # type: ignore[no-untyped-call]
                f"A training's process failed: {said}", subprocess_error_infos=list(self._errors.values())
            )

    def _finished(self, key: str) -> None:
        del self._events[key], self._terminate[key]
        self._processes.pop(key, None)
        self._active.verify_complete(self._plan_context, key)


def _in_process(
    job_context: PlanExecutionContext, active: ActiveExecution, step: ExecutionStep
) -> Iterator[DagsterEvent]:
    for event in dagster_event_sequence_for_step(job_context.for_step(step, active.get_known_state())):
        yield event
        active.handle_event(event)
    active.verify_complete(job_context, step.key)


def _own_process(plan: ExecutionPlan, step_key: str) -> bool:
    return OWN_PROCESS in (plan.get_step_by_key(step_key).tags or {})
