"""What a problem shares is made elsewhere. A sensor starts the chain of a partition once all that it shares is there.

Each partition is taken in once, oldest first, one at a time: one run takes the whole chain, as one does of landed files
(landing.py). What changes later is followed by automation.py. What is there already when the sensor is first turned on counts
as seen, as it does there: history is made by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from ml_assets.assets import asset_that
from ml_assets.orchestration.automation import CHAIN_TAG, TICK_SECONDS, running_on
from ml_assets.orchestration.intake import DATASET, Intake
from ml_assets.orchestration.keys import asset_key, chain_name
from ml_assets.orchestration.landing import LANDED_TAG, is_busy
from ml_assets.problem import Problem
from ml_assets.sources import recorded_sources, shared_sources
from ml_assets.store import LandingFolder, Store, canonical, digest


def sharing_sensor(
    problem: Problem, store: Store, landing: LandingFolder, job: dg.UnresolvedAssetJobDefinition
) -> dg.SensorDefinition | None:
    """The sensor that starts runs of a problem's ``job``; None where it shares nothing, or has other sources besides.

    For files and for rows of databases there are sensors, which wait for what is shared as well.
    """
    if not shared_sources(problem.sources) or problem.landing_files or recorded_sources(problem.sources):
        return None
    intake = Intake(problem, store, landing)

    @dg.sensor(
        name=f"{problem.name}_sharing",
        job=job,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=running_on(store.branch),
        description=f"Starts a run when all that {problem.name} shares of a partition is there.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return look(intake, Seen.of(context.cursor), context.instance, datetime.now(UTC))

    return sensor


@dataclass(frozen=True)
class Seen:
    """The sensor's cursor: the partitions that need no run any more; None before the first look."""

    partitions: frozenset[str] | None = None

    @classmethod
    def of(cls, cursor: str | None) -> Seen:
        """What cannot be read was written by something else: this is the first look."""
        try:
            return cls(frozenset(map(str, json.loads(cursor or ""))))
        except (ValueError, TypeError):
            return cls()

    def to_cursor(self) -> str:
        """As Dagster stores it."""
        return json.dumps(sorted(self.partitions or ()))


def look(intake: Intake, seen: Seen, instance: dg.DagsterInstance, now: datetime) -> dg.SensorResult:
    """Ask for at most one run, of the first partition that was not there before and is there now."""
    problem, before = intake.problem, seen.partitions or frozenset[str]()
    if is_busy(problem, instance):
        return _nothing(seen, "What is new is taken in after the run under way.")
    there = _there(intake, (key for key in problem.partitions.keys(until=now) if key not in before))
    if seen.partitions is None:
        return _nothing(Seen(frozenset(there)), f"{len(there)} partitions were there already.")
    made = frozenset(map(str, intake.store.heads(f"{problem.name}/{DATASET}", [*there])))
    wanted = problem.partitions.in_order(there.keys() - made)[:1]
    cursor = Seen(before | made | {*wanted})
    if not wanted:
        return _nothing(cursor, "Nothing new is there.")
    request = _request(intake, wanted[0], there[wanted[0]], now)
    return dg.SensorResult(run_requests=[request], cursor=cursor.to_cursor())


def _there(intake: Intake, partitions: Iterable[str]) -> dict[str, str]:
    """Of these partitions those of which all that is shared is made -> what stands for the versions that are shared."""
    problem, found = intake.problem, {key: list[str]() for key in partitions}
    for read in asset_that("lands").inputs_of(problem):
        if "/" not in read.asset:
            continue
        wanted = {key: read.keys(problem, key) for key in found}
        heads = intake.store.heads(read.asset, sorted({one for keys in wanted.values() for one in keys}))
        found = {
            key: [*versions, *(str(heads[one].target) for one in wanted[key])]
            for key, versions in found.items()
            if heads.keys() >= {*wanted[key]}
        }
    return {key: digest(canonical(versions)) for key, versions in found.items()}


def _request(intake: Intake, partition: str, version: str, now: datetime) -> dg.RunRequest:
    about = f"{partition} {version[:16]}"
    nouns, _ = intake.nouns(partition, now)
    return dg.RunRequest(
        run_key=about,
        partition_key=partition,
        asset_selection=[asset_key(intake.problem, noun) for noun in nouns],
        tags={CHAIN_TAG: chain_name(intake.problem.name), LANDED_TAG: about},
    )


def _nothing(seen: Seen, why: str) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=why, cursor=seen.to_cursor())
