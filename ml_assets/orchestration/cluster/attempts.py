"""A training's pod as it is asked for: a Job made as dagster-k8s makes it, named after run, step and attempt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.storage.tags import DOCKER_IMAGE_TAG
from dagster._grpc.types import ExecuteStepArgs

from ml_assets.errors import ClusterRefused

if TYPE_CHECKING:
    from dagster_k8s import K8sRunLauncher
    from dagster_k8s.container_context import K8sContainerContext
    from kubernetes.client import V1Job


@dataclass
class Attempt:
    """One attempt of a step.

    Attributes:
        due: when its Job is to be created, by the monotonic clock.
        tries: how often that came to nothing.
        created: whether the cluster has it.
        over: whether the event log says how it ended.
        waits_since: since when it has not begun; ``stuck_since``: since when it waits for what hardly comes by itself.
        clears_since: since when what trained the same before has been asked to end.
        said: what it waits for, as the event log was told last.
    """

    step: ExecutionStep
    job: V1Job
    due: float
    tries: int = 0
    created: bool = False
    over: bool = False
    waits_since: float = 0.0
    stuck_since: float | None = None
    clears_since: float | None = None
    said: str = ""

    @property
    def name(self) -> str:
        """Of its Job."""
        return str(self.job.metadata.name)


def drafted(plan: PlanOrchestrationContext, active: ActiveExecution, step: ExecutionStep, mode: RetryMode) -> V1Job:
    """The Job of a step's next attempt."""
    from dagster_k8s.job import construct_dagster_k8s_job

    run, launcher = plan.dagster_run, launcher_of(plan.instance)
    context = _container_context(run, launcher, step)
    known = active.get_known_state()
    args = ExecuteStepArgs(
        job_origin=plan.reconstructable_job.get_python_origin(),
        run_id=run.run_id,
        step_keys_to_execute=[step.key],
        instance_ref=plan.instance.get_ref(),
        retry_mode=mode.for_inner_plan(),
        known_state=known,
        # Dagster would skip, with exit code 0, a step of which an attempt died before its first word
        should_verify_step=False,
    )
    attempt = known.get_retry_state().get_attempt_count(step.key)
    name = stem(run.run_id, step.key) + (f"-{attempt}" if attempt else "")
    return construct_dagster_k8s_job(
        job_config=context.get_k8s_job_config(_image(run), launcher),
        args=args.get_command_args(skip_serialized_namedtuple=True),
        job_name=name,
        pod_name=name,
        component="step_worker",
        user_defined_k8s_config=context.run_k8s_config,
        labels=dict(_labels(run, step)),
        env_vars=[
            *args.get_command_env(),
            {"name": "DAGSTER_RUN_JOB_NAME", "value": run.job_name},
            {"name": "DAGSTER_RUN_STEP_KEY", "value": step.key},
        ],
    )


def stem(run: str, step_key: str) -> str:
    """How the names of all Jobs of a run's step begin."""
    from dagster_k8s.job import get_k8s_job_name

    return f"dagster-step-{get_k8s_job_name(run, step_key)}"  # type: ignore[no-untyped-call]


def namespace_of(run: dg.DagsterRun, launcher: K8sRunLauncher) -> str:
    """Where the pods of a run are."""
    from dagster_k8s.container_context import K8sContainerContext

    context = K8sContainerContext.create_for_run(run, launcher, include_run_tags=False)
    return context.namespace or launcher.job_namespace


def launcher_of(instance: dg.DagsterInstance) -> K8sRunLauncher:
    """The instance's run launcher, which knows image, namespace, secrets and how the API is reached.

    Raises:
        ClusterRefused: if it is another one.
    """
    from dagster_k8s import K8sRunLauncher

    launcher: Any = instance.run_launcher
    if not isinstance(launcher, K8sRunLauncher):
        raise ClusterRefused(
            f"ML_ASSETS_EXECUTION is kubernetes, and the run launcher in dagster.yaml is {type(launcher).__name__}, which knows "
            "neither image nor namespace of the pods. Set run_launcher to ClusterRunLauncher of "
            "ml_assets.orchestration.cluster.run_launcher (docs/OPERATING.md, On Kubernetes)."
        )
    return launcher


def _container_context(run: dg.DagsterRun, launcher: K8sRunLauncher, step: ExecutionStep) -> K8sContainerContext:
    """What run launcher, code location and the step ask for, each over the one before; what is asked for *runs* is not meant."""
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import get_user_defined_k8s_config

    context = K8sContainerContext.create_for_run(run, launcher, include_run_tags=False)
    return context.merge(K8sContainerContext(run_k8s_config=get_user_defined_k8s_config(dict(step.tags))))


def _image(run: dg.DagsterRun) -> str | None:
    """That of the run's own pod; else of the code location; else (None) the run launcher's."""
    origin = run.job_code_origin
    return run.tags.get(DOCKER_IMAGE_TAG) or (origin.repository_origin.container_image if origin else None)


def _labels(run: dg.DagsterRun, step: ExecutionStep) -> Iterator[tuple[str, str]]:
    yield "dagster/job", run.job_name
    yield "dagster/op", step.key
    yield "dagster/run-id", run.run_id
    if run.remote_job_origin:
        yield "dagster/code-location", run.remote_job_origin.repository_origin.code_location_origin.location_name
