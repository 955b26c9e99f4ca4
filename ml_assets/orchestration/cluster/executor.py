"""The executor ``kubernetes``: light steps in the run's process, each step with a ``Compute`` in a pod of its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import dagster as dg
from dagster._core.events import DagsterEvent
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.step import IExecutionStep
from dagster._core.executor.base import Executor

from ml_assets.errors import Refused
from ml_assets.orchestration.cluster.api import Namespace
from ml_assets.orchestration.cluster.attempts import drafted, launcher_of, namespace_of
from ml_assets.orchestration.cluster.creation import Creation
from ml_assets.orchestration.cluster.pods import Pace, Pods
from ml_assets.orchestration.compute import COMPUTE_TAG
from ml_assets.orchestration.executor import Elsewhere, MixedExecutor

PACE = Pace()
MANY = 1_000


@dg.executor(
    name="kubernetes",
    config_schema={
        "max_concurrent": dg.Field(int, default_value=MANY, description="Pods of one run at a time."),
        "poll_seconds": dg.Field(float, PACE.poll_seconds, description="Between two looks at the event log."),
        "check_seconds": dg.Field(float, PACE.check_seconds, description="Between two looks at the pods."),
        "stuck_seconds": dg.Field(
            float, PACE.stuck_seconds, description="For which a pod may lack its image or a Secret."
        ),
        "pending_seconds": dg.Field(float, PACE.pending_seconds, description="For which a pod may wait for a machine."),
        "blind_seconds": dg.Field(float, PACE.blind_seconds, description="For which the API may be silent."),
    },
)
def cluster_executor(context: dg.InitExecutorContext) -> Executor:
    """Light steps in the run's pod; each training in a pod of its own, with what its problem's ``compute`` says."""
    config = dict(context.executor_config)
    limit = config.pop("max_concurrent")
    return ClusterExecutor(int(str(limit)), Pace(**{name: float(str(value)) for name, value in config.items()}))


class ClusterExecutor(MixedExecutor):
    """Trainings in pods."""

    def __init__(self, max_concurrent: int, pace: Pace) -> None:
        super().__init__(max_concurrent)
        self._pace = pace

    def leaves(self, step: IExecutionStep) -> bool:
        """Those that say what they need."""
        return COMPUTE_TAG in (step.tags or {})

    def is_worth_it(self, n_leaving: int) -> bool:
        """One needs its machine too."""
        return n_leaving > 0

    def elsewhere(self, plan_context: PlanOrchestrationContext, active: ActiveExecution) -> Elsewhere:
        """Pods of the cluster that the instance's run launcher knows."""
        run, instance = plan_context.dagster_run, plan_context.instance
        namespace = Namespace(namespace_of(run, launcher_of(instance)))
        draft = partial(drafted, plan_context, active, mode=self.retries)
        creation = Creation(namespace, run.run_id, _ended_before(instance, run))
        return Pods(plan_context, active, namespace=namespace, creation=creation, draft=draft, pace=self._pace)

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        """See MixedExecutor.

        Raises:
            Refused: for a run that is *resumed*: what its process held is gone. It is retried instead, and then goes on.
        """
        if plan_context.resume_from_failure:
            raise Refused(
                "A run is not resumed but retried, from its last steps and checkpoints. Set run_monitoring."
                "max_resume_run_attempts to 0 and run_retries.enabled to true."
            )
        return super().execute(plan_context, execution_plan)


def _ended_before(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[str]:
    """The ended runs that this one continues or repeats: what they started may still be there."""
    group = instance.get_run_group(run.run_id) if run.parent_run_id else None
    return [other.run_id for other in (group[1] if group else ()) if other.is_finished and other.run_id != run.run_id]
