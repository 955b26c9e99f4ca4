"""Databases change without telling anybody. A sensor asks the watermark queries, and starts a run where one has changed.

A partition is read when its time has passed, and again when what its watermark says is not what was known when it was read last:
late and corrected rows are followed so. One partition at a time, oldest first, as landed files are taken in (landing.py). Of
many partitions a look asks some, and the next one goes on from there.

A run that read nothing is asked for again an hour later: a database may have been away, or a column have come back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from ml_assets.assets import noun_that
from ml_assets.computation.outside import WATERMARKS, outside_now
from ml_assets.orchestration.automation import CHAIN_TAG, running_on
from ml_assets.orchestration.intake import LOOKING_SECONDS, Intake
from ml_assets.orchestration.keys import asset_key, chain_name
from ml_assets.orchestration.landing import LANDED_TAG, is_busy
from ml_assets.problem import Problem
from ml_assets.sources import Sql
from ml_assets.store import LandingFolder, Store, canonical, digest

EVERY_SECONDS = 60
HOUR = "%Y-%m-%dT%H"
RECORD = noun_that("records")


def sources_sensor(
    problem: Problem, store: Store, landing: LandingFolder, job: dg.UnresolvedAssetJobDefinition
) -> dg.SensorDefinition | None:
    """The sensor that follows the databases of a problem by runs of its ``job``; None where it reads none."""
    if not any(isinstance(source, Sql) and source.connection for source in problem.sources.values()):
        return None
    intake = Intake(problem, store, landing)

    @dg.sensor(
        name=f"{problem.name}_sources",
        job=job,
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=running_on(store.branch),
        description=f"Starts a run when what {problem.name} reads of databases has changed, late and corrected rows included.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return look(intake, Asked.of(context.cursor), context.instance, datetime.now(UTC))

    return sensor


@dataclass(frozen=True)
class Asked:
    """The sensor's cursor.

    Attributes:
        first: the partition with which the next look begins.
        runs: partition -> the version of its sources that a run was asked for, and in which hour, until one has read it.
    """

    first: str = ""
    runs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: str | None) -> Asked:
        """What cannot be read was written by something else: look at everything anew."""
        try:
            plain = json.loads(cursor or "{}")
            return cls(str(plain["first"]), {str(key): str(version) for key, version in plain["runs"].items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    def to_cursor(self) -> str:
        """As Dagster stores it."""
        return json.dumps({"first": self.first, "runs": dict(self.runs)})


@dataclass(frozen=True)
class Changed:
    """A partition whose sources are not what was read last.

    Attributes:
        version: of what is known of them now.
        before: the version that was read last, or ``nothing``.
    """

    partition: str
    version: str
    before: str


def look(intake: Intake, asked: Asked, instance: dg.DagsterInstance, now: datetime) -> dg.SensorResult:
    """Ask of as many partitions as there is time for, and ask for at most one run."""
    if is_busy(intake.problem, instance):
        return _nothing(asked, "Databases are asked after the run under way.")
    partitions = _from(asked.first, intake.past(_partitions(intake, now), now))
    started, runs = time.monotonic(), dict(asked.runs)
    for at, partition in enumerate(partitions):
        changed = _changed(intake, partition)
        if changed is None:
            runs.pop(partition, None)
        elif runs.get(partition) != (wanted := f"{changed.version} {now:{HOUR}}"):
            runs[partition] = wanted
            cursor = Asked(partition, runs).to_cursor()
            return dg.SensorResult(run_requests=[_request(intake, changed, now)], cursor=cursor)
        if time.monotonic() - started >= LOOKING_SECONDS and at + 1 < len(partitions):
            why = f"{at + 1} of {len(partitions)} partitions were asked."
            return _nothing(Asked(partitions[at + 1], runs), why)
    waiting = f"{', '.join(runs)}: asked for, and not read yet. In an hour that is asked for again." if runs else ""
    return _nothing(Asked("", runs), waiting or f"None of {len(partitions)} partitions has changed.")


def _partitions(intake: Intake, now: datetime) -> list[str]:
    """Those that there are; of a list that grows, those that files have landed for."""
    listed = intake.problem.partitions.keys(until=now)
    return listed or [key for key in intake.store.partitions(f"{intake.problem.name}/{RECORD}") if key is not None]


def _from(first: str, partitions: Sequence[str]) -> list[str]:
    """In order, beginning with ``first`` and ending before it."""
    at = partitions.index(first) if first in partitions else 0
    return [*partitions[at:], *partitions[:at]]


def _changed(intake: Intake, partition: str) -> Changed | None:
    if intake.missing(partition):
        return None
    known = {name: told for name, told in outside_now(intake.problem, partition).items() if told is not None}
    version, entry = digest(canonical(known)), intake.store.head(f"{intake.problem.name}/{RECORD}", partition)
    if entry is None:
        return Changed(partition, version, "nothing")
    read = intake.store.manifest(entry.target).notes.get(WATERMARKS, {})
    return Changed(partition, version, entry.target.short) if known != dict(read) else None


def _request(intake: Intake, changed: Changed, now: datetime) -> dg.RunRequest:
    about = f"{changed.partition} {changed.version[:16]} after {changed.before}, {now:{HOUR}}"
    nouns, _ = intake.nouns(changed.partition, now)
    return dg.RunRequest(
        run_key=about,
        partition_key=changed.partition,
        asset_selection=[asset_key(intake.problem, noun) for noun in nouns],
        tags={CHAIN_TAG: chain_name(intake.problem.name), LANDED_TAG: about},
    )


def _nothing(asked: Asked, why: str) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=why, cursor=asked.to_cursor())
