"""What surrounds a training in its step: where it goes on from, what it is told and tells, and what becomes of its failure.

Its end:

    finished                            published, and its checkpoints are forgotten
    interrupted by a signal             it has saved, and ends as a step of Dagster's that is interrupted does; in a process of
                                        its own (a pod that is preempted) it is tried again, unless its run is being canceled
    failed by itself                    tried again as often as its ``Compute`` allows
    failed for a reason that stays      failed
    killed                              whoever starts the same training again finds its checkpoints by the computation key
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError

from ml_assets.computation.environment import devices
from ml_assets.computation.reuse import Question
from ml_assets.compute import Devices
from ml_assets.errors import Interrupted, NoGpu
from ml_assets.orchestration.observations import Observations, observations_of
from ml_assets.orchestration.retries import Again, cause_of_error, decide, failures, is_to_go_on, may_pass
from ml_assets.orchestration.step import FRESH_TAG, store_of
from ml_assets.problem import Compute
from ml_assets.store import CheckpointLog, canonical, check_storable, digest
from ml_assets.training.checkpoints import Kept
from ml_assets.training.ranks import CPU
from ml_assets.training.run import Run
from ml_assets.training.stopping import asked_by_signal

GPU = "cuda:0"


@dataclass(frozen=True)
class TrainingSession:
    """One training in its step.

    Attributes:
        run: what the training gets.
        log: where its state lies.
        devices: what it runs on, here or on other machines.
    """

    run: Run
    kept: Kept
    log: CheckpointLog
    devices: Devices

    @property
    def notes(self) -> Mapping[str, Any]:
        """What people are told of how it went."""
        history = self.run.history.to_json()
        return {
            **({"resumed": self.kept.resumed} if self.kept.resumed else {}),
            **({"training": history} if history else {}),
        }


@contextmanager
def training_session(context: dg.AssetExecutionContext, asked: Question) -> Iterator[TrainingSession]:
    """That of the training that answers ``asked``; inside, SIGTERM and failures are seen to as the module says.

    Raises:
        NoGpu: if a GPU was promised and none is there.
    """
    compute = asked.recipe.problem.compute
    log, on = store_of(context).checkpoints(computation_of(context, asked)), devices(compute)
    kept = Kept(log, context.log.info)
    observations = observations_of(context)
    with _FailuresSeenTo(context, compute), asked_by_signal() as is_asked:
        run = Run(
            asked.base.seed or 0,
            context.log.info,
            device=torch_device(on),
            checkpoints=kept,
            asked_to_stop=partial(_asked, observations, is_asked),
            told=observations,
            storable=check_storable,
        )
        try:
            yield TrainingSession(run, kept, log, on)
        finally:
            observations.tell()


def _asked(observations: Observations, is_asked: Callable[[], bool]) -> bool:
    """Asked again and again while it trains: the moment to tell of what was logged a while ago."""
    observations.catch_up()
    return is_asked()


def computation_of(context: dg.AssetExecutionContext, asked: Question) -> str:
    """What a training's checkpoints are found by: its computation key.

    Where that cannot be told, and where somebody doubts what is there, only the run and those that retry it find them.
    """
    if asked.is_known and FRESH_TAG not in context.run.tags:
        return asked.ingredients.key
    root = context.run.root_run_id or context.run.run_id
    return digest(canonical([root, asked.ingredients.key]))


def torch_device(devices: Devices) -> str:
    """That of this process, as torch names it. torch is only loaded where a GPU was promised.

    Who only starts the pods of several machines, which have the GPUs, was promised none.

    Raises:
        NoGpu: if torch sees none: what the processor trains must not be found as what a GPU trained.
    """
    if devices.kind == CPU or devices.nodes > 1:
        return CPU
    import torch

    if not torch.cuda.is_available():
        raise NoGpu(
            f"This training was to run on {devices}, and torch {torch.__version__} sees no GPU here. Mend the driver, "
            "install a torch that is built for it, or give the pod its GPU; to train on the processor, set CUDA_VISIBLE_DEVICES= "
            "(nothing) or leave gpus out of the problem's compute."
        )
    return GPU


@dataclass(frozen=True)
class _FailuresSeenTo:
    """Around a training: what is raised in it becomes what Dagster is to make of it."""

    context: dg.AssetExecutionContext
    compute: Compute | None

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, Interrupted) and not _is_tried_elsewhere(self.context):
            raise DagsterExecutionInterruptedError(str(error)) from error
        if error is not None and may_pass(error):
            _try_again(self.context, self.compute, error)


def _is_tried_elsewhere(context: dg.AssetExecutionContext) -> bool:
    """Whether somebody waits for this process, to start the step again in another one; and the run is to go on."""
    is_wanted = is_to_go_on(context.instance, context.run.run_id)
    return is_wanted and context.op_execution_context.get_step_execution_context().retry_mode.deferred


def _try_again(context: dg.AssetExecutionContext, compute: Compute | None, error: BaseException) -> None:
    """Ask Dagster to, if that is decided; else return."""
    step = context.op_execution_context.get_step_execution_context()
    causes = [*failures(context.instance, context.run.run_id, step.step.key), cause_of_error(error)]
    decision = decide(causes, compute or Compute())
    context.log.info(decision.why)
    if isinstance(decision, Again):
        raise dg.RetryRequested(step.previous_attempt_count + 1, decision.wait_seconds) from error
