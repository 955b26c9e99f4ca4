"""Run assets over partitions from the command line: one Dagster run per partition, as the UI would make.

Partitions depend on each other (windows, the champion before), so they run in their order. With more than one job, the
trainings of all partitions leave that order and run side by side. What comes after a training is made while later ones run:

    dataset … split        2013-01, 2013-02, …     in this process, in order
    model                  2013-01 | 2013-02 | …   in processes of their own, at the same time
    evaluation … champion  2013-01, 2013-02, …     in this process, in order, each once its model is there

What a failed run should have made is missed by what is made from it: by the windows and lookbacks that hold it, which are
not tried. Everything else goes on. That a champion was not decided holds up no later decision: each is against whoever
is champion then, and is made again, with the next run, once that turns out to be somebody else.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import pkgutil
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEvent
from dagster._core.execution.api import execute_run_iterator
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from sqlalchemy.exc import OperationalError

from ml_assets.computation.machine import usable_cores
from ml_assets.errors import UsageError
from ml_assets.orchestration.automation import CHAIN_TAG
from ml_assets.orchestration.keys import asset_name, chain_name, problem_of
from ml_assets.orchestration.messages import message_of
from ml_assets.orchestration.metadata import REUSE
from ml_assets.orchestration.processes import LIBRARIES
from ml_assets.orchestration.run_launcher import HOST_TAG
from ml_assets.orchestration.selection import Assets, Dependencies, Place, Target, needs_all_threads, waves
from ml_assets.orchestration.step import SKIPPED
from ml_assets.orchestration.study import SAID as TRIAL
from ml_assets.settings import share_cores

# The terminal is ours; runs keep their logs, and the UI shows them.
QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}


@dataclass(frozen=True)
class Step:
    """One asset of one partition, done or failed, and why it was computed, used again or failed.

    Attributes:
        findings: the checks that did not pass.
    """

    asset: str
    partition: str
    passed: bool
    seconds: float = 0.0
    why: str = ""
    findings: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """It as people are told."""
        mark, why = ("✓", self.why) if self.passed else ("✗", "")
        yield f"{mark} {self.asset:32} {self.partition:10} {self.seconds:6.1f} s  {why}".rstrip()
        yield from (f"    ! {finding}" for finding in self.findings)
        if self.why and not self.passed:
            yield f"    {self.why}"


@dataclass(frozen=True)
class Outcome:
    """How a run of a partition ended.

    Attributes:
        run: empty where there was none: nothing of the partition could be made.
        passed: whether nothing failed.
        skipped: the assets that it was to make and, though it passed, did not.
        lost: those that it was to make and, since it failed, did not.
        why_skipped: of the skipped ones that said so themselves, why; the others come after these.
        blocked: what was not tried -> the place of which something failed, that it is made from.
    """

    run: str
    partition: str
    passed: bool
    steps: tuple[Step, ...] = ()
    skipped: Assets = frozenset()
    lost: Assets = frozenset()
    why_skipped: Mapping[dg.AssetKey, str] = field(default_factory=dict)
    blocked: Mapping[dg.AssetKey, Place] = field(default_factory=dict)

    @property
    def problem(self) -> str:
        """Whose assets it was to make."""
        named = [*(step.asset for step in self.steps), *map(asset_name, (*self.lost, *self.blocked))]
        return min(name.partition("/")[0] for name in named) if named else ""

    @property
    def ran(self) -> bool:
        """Whether anything was tried."""
        return bool(self.run or self.steps)


@dataclass(frozen=True)
class Launcher:
    """Runs assets and reports each step as it ends."""

    target: Target
    instance: dg.DagsterInstance
    run_config: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    report: Callable[[Step], None] = lambda step: None

    def materialize(self, *works: Mapping[str, Assets], jobs: int = 1) -> Iterator[Outcome]:
        """Materialize for each partition its assets, partitions in their order, but for what is made from what failed.

        Args:
            works: the assets of each partition, one problem after those of which it shares something.
        """
        known, failed = Dependencies(self.target), set[Place]()
        for work in works:
            yield from self._materialized(work, jobs, known, failed)

    def _materialized(
        self, work: Mapping[str, Assets], jobs: int, known: Dependencies, failed: set[Place]
    ) -> Iterator[Outcome]:
        earlier: dict[str, str] = {}
        for outcome in self._outcomes(work, jobs, known, earlier):
            earlier[outcome.partition] = outcome.run or earlier.get(outcome.partition, "")
            known.lose((asset, outcome.partition) for asset in outcome.skipped | outcome.lost)
            failed |= {(asset, outcome.partition) for asset in outcome.lost}
            blocked = {asset: place for asset, place in outcome.blocked.items() if place in failed - _told(outcome)}
            if outcome.ran or blocked:
                yield replace(outcome, blocked=blocked)

    def execute(self, assets: Assets, partition: str, continues: str | None = None) -> Outcome:
        """One Dagster run of the assets for one partition, in this process.

        Args:
            continues: the run of an earlier wave; what it made is read first, so that two users' runs never mix.
        """
        job = self.target.job(assets).get_subset(asset_selection=assets)
        run = self.instance.create_run_for_job(
            job_def=job.get_definition(),
            run_config=_config_for(self.run_config, assets),
            tags={
                **self._partition_tags(assets, partition),
                HOST_TAG: socket.gethostname(),
                **_chain(assets),
                **self.tags,
            },
            asset_selection=assets,
            job_code_origin=job.get_python_origin(),
            parent_run_id=continues,
            root_run_id=self._root(continues),
        )
        progress = Progress(partition, self.report)
        for event in execute_run_iterator(job, run, self.instance):
            progress.see(event)
        ended = self.instance.get_run_by_id(run.run_id)
        passed = ended is not None and ended.is_success
        unmade = assets - progress.made
        skipped, lost = (unmade, frozenset()) if passed else (frozenset(), unmade)
        return Outcome(run.run_id, partition, passed, tuple(progress.steps), skipped, lost, progress.why_skipped)

    def _partition_tags(self, assets: Assets, partition: str) -> Mapping[str, str]:
        """How a run tells Dagster its partition: one of two dimensions by both of them, too."""
        definition = next(filter(None, (self.target.graph.get(key).partitions_def for key in assets)))
        tags: Mapping[str, str] = definition.get_tags_for_partition_key(partition)
        return tags

    def _root(self, run: str | None) -> str | None:
        parent = self.instance.get_run_by_id(run) if run else None
        return (parent.root_run_id or parent.run_id) if parent else None

    def _outcomes(
        self, work: Mapping[str, Assets], jobs: int, known: Dependencies, earlier: Mapping[str, str]
    ) -> Iterator[Outcome]:
        """Every run, as it ends; what is begun next depends on what was told of those before."""
        order = waves(self.target, work, jobs)
        if not order.trainings:
            yield from self._in_order(work, known, earlier)
            return
        trainings = _of(work, order.trainings)
        with self._workers(trainings, jobs) as pool:
            yield from self._in_order(_of(work, order.before), known, earlier)
            for outcome in self._side_by_side(pool, trainings, known, earlier):
                yield outcome
                after = _of({outcome.partition: work[outcome.partition]}, order.after)
                yield from self._in_order(after, known, earlier)

    def _in_order(
        self, work: Mapping[str, Assets], known: Dependencies, earlier: Mapping[str, str]
    ) -> Iterator[Outcome]:
        for partition, assets in work.items():
            possible, blocked = _possible(known, assets, partition)
            if possible:
                outcome = self.execute(possible, partition, earlier.get(partition) or None)
                yield replace(outcome, blocked=blocked)
            else:
                yield Outcome("", partition, True, blocked=blocked)

    @contextmanager
    def _workers(self, trainings: Mapping[str, Assets], jobs: int) -> Iterator[ProcessPoolExecutor]:
        """Processes that train, each with its share of the cores; they load what they need while we go on."""
        processes = min(jobs, sum(map(bool, trainings.values())))
        sharing = needs_all_threads(self.target, frozenset().union(*trainings.values()))
        share, spawn = (usable_cores(), 1 if sharing else processes), multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, spawn, initializer=share_cores, initargs=share) as pool:
            for _ in range(processes):
                pool.submit(_load, self.target)
            yield pool

    def _side_by_side(
        self, pool: ProcessPoolExecutor, work: Mapping[str, Assets], known: Dependencies, earlier: Mapping[str, str]
    ) -> Iterator[Outcome]:
        execute = partial(_execute_elsewhere, self.target, self.instance.get_ref(), self.run_config, self.tags)
        found = {partition: _possible(known, assets, partition) for partition, assets in work.items()}
        runs = {
            partition: _begun(
                pool,
                partial(execute, assets=possible, partition=partition, continues=earlier.get(partition) or None),
            )
            for partition, (possible, _) in found.items()
            if possible
        }
        for partition, (possible, blocked) in found.items():
            outcome = _result(runs[partition], possible, partition) if possible else Outcome("", partition, True)
            for step in outcome.steps:
                self.report(step)
            yield replace(outcome, blocked=blocked)


def _told(outcome: Outcome) -> set[Place]:
    """What failed of the partition that the outcome is of, which was told with the run in which it did."""
    problems = {problem_of(asset) for asset in outcome.blocked}
    return {
        place
        for place in outcome.blocked.values()
        if place[1] == outcome.partition and problem_of(place[0]) in problems
    }


def _load(target: Target) -> None:
    """What a training needs before it can begin."""
    for library in LIBRARIES:
        pkgutil.resolve_name(library)
    _ = target.graph


def _of(work: Mapping[str, Assets], assets: Assets) -> dict[str, Assets]:
    """Those of the assets that each partition is to have."""
    return {partition: wanted & assets for partition, wanted in work.items()}


def _possible(known: Dependencies, assets: Assets, partition: str) -> tuple[Assets, dict[dg.AssetKey, Place]]:
    """What of a partition can be made; and what cannot, with the place that it lacks."""
    lacking = {asset: lack for asset in assets if (lack := known.lacks((asset, partition)))}
    return assets - lacking.keys(), lacking


def _execute_elsewhere(
    target: Target,
    instance: InstanceRef,
    run_config: Mapping[str, Any],
    tags: Mapping[str, str],
    *,
    assets: Assets,
    partition: str,
    continues: str | None,
) -> Outcome:
    with dg.DagsterInstance.from_ref(instance) as opened:
        return Launcher(target, opened, run_config, tags).execute(assets, partition, continues)


def _begun(pool: ProcessPoolExecutor, execute: Callable[[], Outcome]) -> Future[Outcome]:
    """A run under way; if a process was killed while it loaded, one that has failed so."""
    try:
        return pool.submit(execute)
    except BrokenProcessPool as error:
        run: Future[Outcome] = Future()
        run.set_exception(error)
        return run


def _result(run: Future[Outcome], assets: Assets, partition: str) -> Outcome:
    try:
        return run.result()
    except BrokenProcessPool:
        return _killed(assets, partition)


def _killed(assets: Assets, partition: str) -> Outcome:
    why = (
        "A process that trained was killed, perhaps for want of memory, and took the others along. Try fewer: --jobs 1"
    )
    return Outcome("", partition, False, (Step("training", partition, False, why=why),), lost=assets)


@dataclass
class Progress:
    """Turns a run's events into steps, and reports each."""

    partition: str
    report: Callable[[Step], None]
    steps: list[Step] = field(default_factory=list)
    findings: dict[str, list[str]] = field(default_factory=dict)
    made: set[dg.AssetKey] = field(default_factory=set)
    why: dict[str, str] = field(default_factory=dict)
    why_skipped: dict[dg.AssetKey, str] = field(default_factory=dict)

    def see(self, event: DagsterEvent) -> None:
        """Hear of one, in order."""
        key = event.step_key or ""
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed:
                self.findings.setdefault(key, []).append(f"{check.check_name}: {check.description}")
        elif event.is_step_materialization and event.asset_key is not None:
            self.made.add(event.asset_key)
            self.why[key] = str(event.step_materialization_data.materialization.metadata[REUSE].value)
        elif event.event_type == dg.DagsterEventType.ASSET_OBSERVATION and event.asset_key is not None:
            said = event.asset_observation_data.asset_observation.metadata.get(SKIPPED)
            if said is not None:
                self.why_skipped[event.asset_key] = str(said.value)
        elif event.is_successful_output and TRIAL in event.step_output_data.metadata:
            self.why[key] = str(event.step_output_data.metadata[TRIAL].value)
        elif event.is_step_success:
            self._end(Step(key, self.partition, True, event.step_success_data.duration_ms / 1000))
        elif event.is_step_failure:
            self._end(Step(key, self.partition, False, why=message_of(event.step_failure_data.error)))
        elif event.is_run_failure and all(step.passed for step in self.steps):
            self._end(Step("run", self.partition, False, why=message_of(event.job_failure_data.error)))

    def _end(self, step: Step) -> None:
        asset, findings = _shown(step.asset), tuple(self.findings.pop(step.asset, ()))
        why = step.why or self.why.pop(step.asset, "")
        self.steps.append(replace(step, asset=asset, why=why, findings=findings))
        self.report(self.steps[-1])


def _shown(step: str) -> str:
    """``p/model`` for the step ``p__model``; ``p/study trial 7`` for ``p__study.trials_2[7]``, ``p/study`` for the last."""
    asset, _, inside = step.partition(".")
    mapped = re.fullmatch(r"trials_\d+\[(\w+)\]", inside)
    part = f" trial {mapped[1]}" if mapped else f" {inside.replace('_', ' ')}" if inside not in ("", "best") else ""
    return f"{asset.replace('__', '/')}{part}"


def instance_in(folder: Path) -> dg.DagsterInstance:
    """The Dagster instance that ``dagster.yaml`` in ``folder`` describes, for runs in this process.

    Without its capture of what is printed: it would take the terminal away from us while a run is under way. And without
    Dagster's notes for itself, which the processes of a run's steps print before they read how loud the run is to be.

    Raises:
        UsageError: if there is none, or what it keeps cannot be written.
    """
    if not (folder / "dagster.yaml").exists():
        raise UsageError(
            f"There is no dagster.yaml in {folder}, so runs would be recorded nowhere. Run the command in the project's "
            "root, or set DAGSTER_HOME."
        )
    uncaptured = {"module": NoOpComputeLogManager.__module__, "class": NoOpComputeLogManager.__name__}
    quiet = {"compute_logs": uncaptured, "python_logs": {"python_log_level": "INFO"}}
    with (folder / "dagster.yaml").open() as home:  # of two commands one makes the databases: both would ruin them
        with suppress(OSError):  # a file system without locks
            fcntl.flock(home, fcntl.LOCK_EX)
        try:
            return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides=quiet))
        except (OSError, OperationalError) as error:
            raise UsageError(
                f"Dagster cannot keep its records where {folder / 'dagster.yaml'} says: {str(error).splitlines()[0]}. "
                "Nothing was run. Make that place writable, or set DAGSTER_HOME to a folder with another dagster.yaml."
            ) from error


def _chain(assets: Assets) -> dict[str, str]:
    """The tag of a problem's runs: what lands meanwhile, and what is queued, waits for this one."""
    problems = {problem_of(key) for key in assets}
    return {CHAIN_TAG: chain_name(problems.pop())} if len(problems) == 1 else {}


def _config_for(run_config: Mapping[str, Any], assets: Assets) -> dict[str, Any]:
    ops = {key.to_python_identifier() for key in assets}
    chosen = {op: config for op, config in run_config.get("ops", {}).items() if op in ops}
    return {"ops": chosen, "loggers": QUIET}
