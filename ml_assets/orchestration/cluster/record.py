"""What the executor itself writes into a run's event log about its pods."""

from __future__ import annotations

import dagster as dg
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.objects import StepFailureData, StepRetryData
from dagster_shared.error import SerializableErrorInfo

from ml_assets.orchestration.cluster.api import Namespace
from ml_assets.orchestration.cluster.attempts import Attempt
from ml_assets.orchestration.cluster.endings import Ending
from ml_assets.orchestration.compute import compute_of
from ml_assets.orchestration.retries import MACHINE_FAILURE, Cause, GiveUp, decide, failures
from ml_assets.problem import Compute

POD_FAILURE = "PodFailure"
"""Class name of the error of a step whose pod failed by itself."""


class Record:
    """Writes what becomes of attempts. Whoever reads the log acts on it."""

    def __init__(self, plan: PlanOrchestrationContext, namespace: Namespace) -> None:
        self._plan, self._namespace = plan, namespace

    def begins(self, attempt: Attempt) -> None:
        """A pod is asked for."""
        DagsterEvent.step_worker_starting(
            self._plan.for_step(attempt.step),
            message=f'Executing step "{attempt.step.key}" in Kubernetes Job {attempt.name}.',
            metadata={"Kubernetes Job name": dg.MetadataValue.text(attempt.name)},
        )

    def says(self, attempt: Attempt, what: str) -> None:
        """What it waits for; once."""
        if what != attempt.said:
            attempt.said = what
            DagsterEvent.engine_event(self._plan.for_step(attempt.step), what, EngineEventData())

    def ends(self, attempt: Attempt, ending: Ending, *, is_final: bool = False) -> None:
        """How it ended, and whether another one follows; once."""
        if attempt.over:
            return
        attempt.over = True
        causes = [*failures(self._plan.instance, self._plan.run_id, attempt.step.key), ending.cause]
        compute = compute_of(attempt.step.tags) or Compute()
        decision = GiveUp("It is not tried again.") if is_final else decide(causes, compute)
        name = MACHINE_FAILURE if ending.cause is Cause.MACHINE else POD_FAILURE
        error = SerializableErrorInfo(self._told(ending, decision.why), [], name)
        context = self._plan.for_step(attempt.step)
        if isinstance(decision, GiveUp):
            failure = StepFailureData(error=error, user_failure_data=None)  # type: ignore[no-untyped-call]
            DagsterEvent.step_failure_event(context, failure)
        else:
            retry = StepRetryData(error, decision.wait_seconds)  # type: ignore[no-untyped-call]
            DagsterEvent.step_retry_event(context, retry)

    def _told(self, ending: Ending, why: str) -> str:
        lines = self._namespace.last_lines(ending.pod) if ending.pod else ""
        return f"{ending.what} {why}" + (f"\nThe last that it printed:\n{lines}" if lines else "")
