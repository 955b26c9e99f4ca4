"""The trainings of a run that have a pod each: begun, watched, begun again, ended.

What a pod reports comes through Dagster's event log, and so does what we say of it: a lost pod's step is *up for retry* or
*failed* in the log first, and is then treated as if the pod itself had said so. What it said before it ended is always read
before its end is judged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dagster._core.events import DagsterEvent
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.objects import ErrorSource
from dagster._core.execution.plan.step import ExecutionStep

from ml_assets.errors import ClusterRefused, ClusterUnreachable
from ml_assets.orchestration.cluster.api import Namespace
from ml_assets.orchestration.cluster.attempts import Attempt
from ml_assets.orchestration.cluster.creation import Creation
from ml_assets.orchestration.cluster.endings import Ending, Waiting, state_of
from ml_assets.orchestration.cluster.event_tail import EventTail
from ml_assets.orchestration.cluster.record import Record
from ml_assets.orchestration.retries import Cause, is_to_go_on

if TYPE_CHECKING:
    from kubernetes.client import V1Job

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
DELETION_TRIES = 3


@dataclass(frozen=True)
class Pace:
    """How often the cluster is looked at, and how long it may take.

    Attributes:
        poll_seconds: between two looks at the event log.
        check_seconds: between two looks at the pods, which cost two calls to the API each.
        stuck_seconds: how long a pod may lack its image or a Secret.
        pending_seconds: how long it may wait for a machine or its queue.
        blind_seconds: how long the API may be silent until its pods count as lost.
    """

    poll_seconds: float = 1.0
    check_seconds: float = 10.0
    stuck_seconds: float = 300.0
    pending_seconds: float = 86_400.0
    blind_seconds: float = 1_800.0


class Pods:
    """See the module's docstring.

    Args:
        draft: the Job of a step's next attempt.
    """

    def __init__(
        self,
        plan: PlanOrchestrationContext,
        active: ActiveExecution,
        *,
        namespace: Namespace,
        creation: Creation,
        draft: Callable[[ExecutionStep], V1Job],
        pace: Pace,
    ) -> None:
        self._plan, self._active, self._pace = plan, active, pace
        self._namespace, self._creation, self._draft = namespace, creation, draft
        self._record = Record(plan, namespace)
        self._tail = EventTail(plan.instance, plan.run_id)
        self._attempts: dict[str, Attempt] = {}
        self._next_check = 0.0
        self._blind_since: float | None = None

    def __len__(self) -> int:
        return len(self._attempts)

    def start(self, step: ExecutionStep) -> None:
        """Begin a step, or begin it again; its Job is created with the next look at the events."""
        now = time.monotonic()
        self._attempts[step.key] = Attempt(step, self._draft(step), due=now, waits_since=now)
        self._record.begins(self._attempts[step.key])

    def events(self) -> Iterator[DagsterEvent]:
        """What the pods reported, and what became of those that do not any more."""
        yield from self._reported()
        for attempt in self._attempts.values():
            if not attempt.created and not attempt.over and attempt.due <= time.monotonic():
                self._create(attempt)
        if time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + self._pace.check_seconds
            over = self._looked()
            yield from self._reported()
            for attempt, ending in over:
                if self._attempts.get(attempt.step.key) is attempt:
                    self._record.ends(attempt, ending)
        yield from self._reported()

    def wait(self) -> None:
        """Until the next look at the event log."""
        time.sleep(self._pace.poll_seconds)

    def terminate(self) -> None:
        """Delete the Jobs of those under way; their pods are asked to end, save and go."""
        for attempt in self._attempts.values():
            if attempt.created or attempt.tries:  # the answer to its creation may have been lost
                self._delete(attempt)
        self._attempts.clear()

    def raise_errors(self) -> None:
        """What goes wrong with a pod is an error of its step."""

    def _reported(self) -> Iterator[DagsterEvent]:
        ended_by_us = False
        for event in self._tail.fresh():
            attempt = self._attempts.get(event.step_key or "")
            if attempt is None or _is_of_an_earlier_one(event, attempt):
                continue
            ending = self._machines_doing(event, attempt)
            if ending is None:
                yield event
                self._handle(event, attempt)
            else:
                self._record.ends(attempt, ending)
                ended_by_us = True
        if ended_by_us:
            yield from self._reported()

    def _machines_doing(self, event: DagsterEvent, attempt: Attempt) -> Ending | None:
        """What a pod reports as its step's failure although it only was asked to end, or could not begin."""
        if event.is_resource_init_failure:
            return Ending(Cause.OWN, f"Its resources could not be made: {event.engine_event_data.error}")
        if not event.is_step_failure or attempt.over or not is_to_go_on(self._plan.instance, self._plan.run_id):
            return None
        was_asked_to_end = event.step_failure_data.error_source is ErrorSource.INTERRUPT
        return Ending(Cause.MACHINE, f"The pod of Job {attempt.name} was asked to end.") if was_asked_to_end else None

    def _handle(self, event: DagsterEvent, attempt: Attempt) -> None:
        self._active.handle_event(event)
        if event.is_step_success or event.is_step_failure or event.is_step_up_for_retry:
            del self._attempts[attempt.step.key]
        if event.is_step_success or event.is_step_failure:
            self._active.verify_complete(self._plan, attempt.step.key)

    def _create(self, attempt: Attempt) -> None:
        try:
            self._creation.create(attempt)
        except ClusterRefused as refusal:
            self._give_up(attempt, Ending(Cause.OWN, str(refusal)))
        except ClusterUnreachable as trouble:
            now, pause = time.monotonic(), min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt.tries)
            attempt.tries, attempt.due = attempt.tries + 1, now + pause
            self._record.says(attempt, f"No Job {attempt.name} yet; tried again in {pause:g} s. {trouble}")
            if now - attempt.waits_since > self._pace.blind_seconds:
                self._give_up(attempt, Ending(Cause.MACHINE, str(trouble)))

    def _looked(self) -> list[tuple[Attempt, Ending]]:
        """Which pods have ended, and how."""
        watched = [attempt for attempt in self._attempts.values() if attempt.created and not attempt.over]
        if not watched:
            return []
        try:
            seen = self._namespace.seen([self._plan.run_id])
        except (ClusterUnreachable, ClusterRefused) as trouble:
            return self._blind(watched, str(trouble))
        self._blind_since, now, over = None, datetime.now(UTC), []
        for attempt in watched:
            state = state_of(seen.jobs.get(attempt.name), seen.pods.get(attempt.name, []), now)
            if isinstance(state, Waiting):
                self._waits(attempt, state)
            elif state is not None:
                over.append((attempt, state))
            else:  # a queue may take it back, and let it wait once more
                attempt.waits_since, attempt.stuck_since = time.monotonic(), None
        return over

    def _blind(self, watched: list[Attempt], trouble: str) -> list[tuple[Attempt, Ending]]:
        self._blind_since = self._blind_since or time.monotonic()
        is_lost = time.monotonic() - self._blind_since > self._pace.blind_seconds
        lost = Ending(Cause.MACHINE, f"Its pod could not be looked after. {trouble}")
        return [(attempt, lost) for attempt in watched if is_lost]

    def _waits(self, attempt: Attempt, state: Waiting) -> None:
        """Give up what has waited for too long."""
        now = time.monotonic()
        self._record.says(attempt, state.why)
        attempt.stuck_since = (attempt.stuck_since or now) if state.is_stuck else None
        if attempt.stuck_since is not None and now - attempt.stuck_since > self._pace.stuck_seconds:
            self._give_up(attempt, Ending(Cause.OWN, state.why))
        elif now - attempt.waits_since > self._pace.pending_seconds:
            self._give_up(attempt, Ending(Cause.OWN, f"Nobody had room for it. {state.why}"))

    def _give_up(self, attempt: Attempt, ending: Ending) -> None:
        self._record.ends(attempt, ending, is_final=True)
        self._delete(attempt)

    def _delete(self, attempt: Attempt) -> None:
        for tried in range(1, DELETION_TRIES + 1):
            try:
                return self._namespace.delete(attempt.name)
            except (ClusterUnreachable, ClusterRefused) as trouble:
                command = f"kubectl delete job {attempt.name} --namespace {self._namespace.name}"
                if tried == DELETION_TRIES:
                    self._record.says(attempt, f"Job {attempt.name} could not be deleted: {trouble} Do it: {command}")
            time.sleep(FIRST_PAUSE_SECONDS)
        return None


def _is_of_an_earlier_one(event: DagsterEvent, attempt: Attempt) -> bool:
    """A pod that is to go says so, perhaps after we had given it up and before the next one is there."""
    has_no_pod = not attempt.created and not attempt.tries and not attempt.over
    return has_no_pod and (event.is_step_failure or event.is_step_up_for_retry)
