"""Whether a step that failed is tried again. Pure: what failed before is read elsewhere, and carried out elsewhere.

What the machine did to a training (its pod was preempted, evicted, out of memory, gone) does not use up the retries that its
``Compute`` allows for what it does itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from ml_assets.errors import (
    ClusterUnreachable,
    CommandFailed,
    CommandLost,
    Interrupted,
    MlAssetsError,
    OutcomeUnknown,
    RankFailed,
    RankLost,
    StoreUnreachable,
)
from ml_assets.problem import Compute

MACHINE_FAILURE = "MachineFailure"
"""Class name of the error of a step whose machine failed it."""

MACHINE_LIMIT = 20
"""Failures of machines after which a training is given up: they are no accident any more."""

BY_MACHINE = (Interrupted, RankLost, CommandLost, StoreUnreachable, OutcomeUnknown, ClusterUnreachable)
"""Errors of a training that its surroundings are to blame for."""

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 2.0, 300.0


class Cause(Enum):
    """Why an attempt of a step came to nothing."""

    MACHINE = "its machine"
    OWN = "itself"


@dataclass(frozen=True)
class Again:
    """It is tried again after a while."""

    wait_seconds: float
    why: str


@dataclass(frozen=True)
class GiveUp:
    """It has failed."""

    why: str


def decide(causes: Sequence[Cause], compute: Compute) -> Again | GiveUp:
    """Whether to try once more.

    Args:
        causes: of all failed attempts, oldest first; the last one has just failed.
    """
    own, machine = causes.count(Cause.OWN), causes.count(Cause.MACHINE)
    if causes[-1] is Cause.OWN and own > compute.retries:
        return GiveUp(f"It failed by itself {_times(own)}; compute.retries allows {_times(compute.retries)}.")
    if machine >= MACHINE_LIMIT:
        return GiveUp(f"Its machines failed {_times(machine)}, which is no accident any more.")
    return Again(_wait(len(causes)), f"Attempt {len(causes) + 1} follows.")


def may_pass(error: BaseException) -> bool:
    """Whether the same training, tried again, may come to another end.

    What libraries and a user's own code raise may pass. Our own errors say what is to be mended first, but for a process that
    is taken away and a store that does not answer now.
    """
    return isinstance(error, (*BY_MACHINE, RankFailed, CommandFailed)) or (
        isinstance(error, Exception) and not isinstance(error, MlAssetsError | dg.Failure | dg.RetryRequested)
    )


def is_to_go_on(instance: dg.DagsterInstance, run: str) -> bool:
    """Whether a run is there, and nobody has canceled it."""
    found = instance.get_run_by_id(run)
    return found is not None and found.status not in (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)


def failures(instance: dg.DagsterInstance, run: str, step: str) -> list[Cause]:
    """Why the earlier attempts of a step came to nothing, oldest first, by what the run's events say."""
    retried = instance.all_logs(run, of_type=dg.DagsterEventType.STEP_UP_FOR_RETRY)
    events = (entry.get_dagster_event() for entry in retried)
    return [cause_of(event.step_retry_data.error) for event in events if event.step_key == step]


def cause_of_error(error: BaseException) -> Cause:
    """The same of an error that was just raised."""
    return Cause.MACHINE if isinstance(error, BY_MACHINE) else Cause.OWN


def cause_of(error: SerializableErrorInfo | None) -> Cause:
    """Whose fault an error was: the machine's where it, or what it came from, says so."""
    while error is not None:
        if error.cls_name in (MACHINE_FAILURE, *(kind.__name__ for kind in BY_MACHINE)):
            return Cause.MACHINE
        error = error.cause
    return Cause.OWN


def _wait(failures: int) -> float:
    return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 10))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
