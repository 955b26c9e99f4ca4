"""Steps of two kinds in one run: light ones in the run's process, trainings elsewhere, side by side.

A spawned step costs seconds (it imports everything again), a step in the run's process a tenth of one. So a training leaves
the run's process only where that gains something, and never to find out that it is there already (foresight.py). Where it
goes is an ``Elsewhere``: processes of this machine (processes.py) or pods of a cluster (cluster/). The loop is the same.

    run's process   ── dataset ── features ── split ─┬──────────────┬─ evaluation ── champion
    elsewhere                                        ├─ model of A ─┤
    elsewhere                                        └─ model of B ─┘

Uses Dagster's own building blocks for both kinds of step (``dagster._core``: pinned, and held by tests).
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator
from functools import partial
from typing import Protocol

from dagster._core.definitions.reconstruct import ReconstructableJob
from dagster._core.events import DagsterEvent
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.context.system import PlanExecutionContext, PlanOrchestrationContext
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.execute_plan import dagster_event_sequence_for_step
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.step import ExecutionStep, IExecutionStep, UnresolvedMappedExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.base import Executor
from dagster._core.executor.in_process import InProcessExecutor

from ml_assets.orchestration.event_files import held_open
from ml_assets.orchestration.foresight import is_there

OWN_PROCESS = "ml_assets/own_process"
"""Tag of ops that are worth a process of their own."""


ALL_THREADS = "ml_assets/all_threads"
"""Tag of trainings whose result may depend on the number of threads: it does not shrink for those that run side by side."""


LONGEST_SLEEP_SECONDS = 1.0


class Elsewhere(Protocol):
    """Steps that run outside the run's process."""

    def __len__(self) -> int:
        """How many are under way."""

    def start(self, step: ExecutionStep) -> None:
        """Begin a step, or begin it again."""

    def events(self) -> Iterator[DagsterEvent]:
        """What they have said since, told to the active execution; does not wait for more."""

    def wait(self) -> None:
        """Nothing else is to be done: a moment, until they may have something to say."""

    def terminate(self) -> None:
        """End those that are under way."""

    def raise_errors(self) -> None:
        """Raise what no step of theirs could say, when all is over."""


class MixedExecutor(Executor):
    """See the module's docstring."""

    def __init__(self, max_concurrent: int) -> None:
        self._max_concurrent = max_concurrent

    @property
    def retries(self) -> RetryMode:
        """Steps are retried as their retry policies say."""
        return RetryMode.ENABLED

    @abstractmethod
    def leaves(self, step: IExecutionStep) -> bool:
        """Whether a step may run elsewhere."""

    @abstractmethod
    def is_worth_it(self, n_leaving: int) -> bool:
        """Whether so many steps of a run shall run elsewhere."""

    @abstractmethod
    def elsewhere(self, plan_context: PlanOrchestrationContext, active: ActiveExecution) -> Elsewhere:
        """Where they run."""

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        """Run the plan's steps, in process or elsewhere, and yield their events."""
        with held_open(plan_context.instance, plan_context.dagster_run.run_id):
            yield from self._run(plan_context, execution_plan)

    def _run(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        if not self.is_worth_it(self._n_leaving(execution_plan)) or not isinstance(
            plan_context.job, ReconstructableJob
        ):
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

    def _stays(self, step: ExecutionStep, job_context: PlanExecutionContext, active: ActiveExecution) -> bool:
        """Whether a step runs in the run's process: it may not leave, or makes nothing anyhow."""
        return not self.leaves(step) or is_there(job_context.for_step(step, active.get_known_state()))

    def _n_leaving(self, plan: ExecutionPlan) -> int:
        """How many of a run's steps may leave; those of which there may be any number count as many."""
        steps = [step for key in plan.step_keys_to_execute if self.leaves(step := plan.get_step_by_key(key))]
        return sum(2 if isinstance(step, UnresolvedMappedExecutionStep) else 1 for step in steps)

    def _mixed(
        self, plan_context: PlanOrchestrationContext, job_context: PlanExecutionContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        limits = InstanceConcurrencyContext(plan_context.instance, plan_context.dagster_run)
        with limits, execution_plan.start(self.retries, instance_concurrency_context=limits) as active:
            elsewhere = self.elsewhere(plan_context, active)
            try:
                yield from self._steps(job_context, active, elsewhere)
            finally:
                elsewhere.terminate()
            elsewhere.raise_errors()

    def _steps(
        self, job_context: PlanExecutionContext, active: ActiveExecution, elsewhere: Elsewhere
    ) -> Iterator[DagsterEvent]:
        light: list[ExecutionStep] = []
        waiting: list[ExecutionStep] = []
        while not active.is_complete or elsewhere:
            if active.check_for_interrupts():
                active.mark_interrupted()
                elsewhere.terminate()
                while elsewhere:
                    yield from elsewhere.events()
                return
            for step in active.get_steps_to_execute():
                (light if self._stays(step, job_context, active) else waiting).append(step)
            while waiting and len(elsewhere) < self._max_concurrent:
                elsewhere.start(waiting.pop(0))
            yield from elsewhere.events()
            if light:
                yield from _in_process(job_context, active, light.pop(0))
            yield from active.concurrency_event_iterator(job_context)
            yield from active.plan_events_iterator(job_context)
            if not light:
                elsewhere.wait() if elsewhere else _wait(active)


def _wait(active: ActiveExecution) -> None:
    """Until a step may be tried again, and not so long that nobody can cancel the run."""
    time.sleep(min(max(0.0, active.sleep_interval()), LONGEST_SLEEP_SECONDS))  # type: ignore[no-untyped-call]


def _in_process(
    job_context: PlanExecutionContext, active: ActiveExecution, step: ExecutionStep
) -> Iterator[DagsterEvent]:
    for event in dagster_event_sequence_for_step(job_context.for_step(step, active.get_known_state())):
        yield event
        active.handle_event(event)
    active.verify_complete(job_context, step.key)
