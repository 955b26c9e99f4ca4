"""landing: files come from outside. A sensor sees them and starts one run per file version.

A partition is made when all its files are there and none is still being written, and made again when one of them changes.
What is there already, byte for byte, is left alone: a first start makes only what is missing.

One partition of a problem at a time, oldest first, however much landed at once: each needs what the one before it made, and
nobody's queue is flooded. Its run takes the whole chain, from dataset to predictions; where the window has a gap, only as
far as it can go, and the rest follows (automation.py) when the gap is filled.

*Crashes.* The cursor says what was seen; Dagster stores it together with the run it asks for. A tick that is repeated asks
for the same run key and starts nothing twice; a tick that was lost is made up for by the next.

*Failures.* A run that failed or was cancelled is not repeated: it would fail again. What it was to make is asked for once more
when its file lands again, or when everything is looked at anew (the sensor's cursor was reset).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from ml_assets.assets.landing import has_recorded_sources
from ml_assets.orchestration.automation import CHAIN_TAG, TICK_SECONDS, running_on
from ml_assets.orchestration.intake import DATASET, Intake, Landed, Looked
from ml_assets.orchestration.keys import asset_key, chain_name
from ml_assets.orchestration.partitions import partitions_definition
from ml_assets.problem import Dynamic, Problem, files_of
from ml_assets.store import LandingFolder, Queue, Store, watch

SHOWN = 5
LANDED_TAG = "ml_assets/landed"  # of a run: which version of the files it is for
IN_VAIN = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def landing_spec(problem: Problem) -> dg.AssetSpec:
    """The landing folder: files come from outside, Dagster does not make them."""
    files = "\n".join(f"- `{problem.name}/{name}`" for name in problem.landing_files)
    return dg.AssetSpec(
        asset_key(problem, "landing"),
        description=f"Files that land for `{problem.name}`, in the landing folder:\n\n{files or '(the problem names none)'}",
        partitions_def=partitions_definition(problem),
        group_name=problem.name,
        owners=list(problem.owners),
        kinds={"file"},
    )


def landing_sensor(
    problem: Problem, store: Store, landing: LandingFolder, job: dg.UnresolvedAssetJobDefinition, queue: str = ""
) -> dg.SensorDefinition:
    """The sensor that starts a run for each partition of a problem whose files are new.

    Args:
        job: of the problem's whole chain.
        queue: address of an SQS queue that is told of landed files; without one the folder is only listed.
    """
    intake = Intake(problem, store, landing, Queue(queue, landing.backend.url) if queue else None)

    @dg.sensor(
        name=f"{problem.name}_landing",
        job=job,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=running_on(store.branch),
        description=f"Starts a run when files of {problem.name} land, late and corrected ones included.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return tick(intake, Seen.of(context.cursor), context.instance, datetime.now(UTC), context.log)

    return sensor


@dataclass(frozen=True)
class Seen:
    """The sensor's cursor.

    Attributes:
        watch: what was seen of the landing folder.
        waiting: partitions with new files that no run was asked for yet, oldest first.
        lacking: partitions that cannot be made yet, and the files that they lack (none: one is being written), to be shown.
    """

    watch: watch.Watch
    waiting: tuple[str, ...] = ()
    lacking: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: str | None) -> Seen:
        """The inverse of :meth:`to_cursor`; what cannot be read was written by something else: look at everything anew."""
        try:
            plain = json.loads(cursor or "{}")
            lacking = {str(key): tuple(map(str, names)) for key, names in plain.get("lacking", {}).items()}
            return cls(watch.Watch.from_json(plain["watch"]), tuple(map(str, plain["waiting"])), lacking)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls(watch.Watch())

    def to_cursor(self) -> str:
        """As Dagster stores it."""
        return json.dumps({"watch": self.watch.to_json(), "waiting": self.waiting, "lacking": self.lacking})


def tick(
    intake: Intake, seen: Seen, instance: dg.DagsterInstance, now: datetime, log: logging.Logger
) -> dg.SensorResult:
    """See what landed, and ask for at most one run."""
    found = intake.find(seen.watch, now)
    for note in found.notes:
        log.warning(note)
    in_order = intake.problem.partitions.in_order
    waiting = in_order(filter(intake.is_partition, {*seen.waiting, *found.partitions}))
    if waiting and is_busy(intake.problem, instance):
        why = f"{_some(waiting)} will be looked into after the run under way."
        return _nothing(Seen(found.watch, tuple(waiting), seen.lacking), why)
    past = intake.past(waiting, now)
    looked = intake.look_into(past, now)
    left = past[looked.into :]
    lacking = _lacking(intake, seen, past, looked)
    seen = Seen(found.watch, tuple(in_order({*waiting} - {*past} | {*left})), lacking)
    if looked.wanted is None:
        return _nothing(seen, _why_nothing(seen, left) + _foreign(found))
    return dg.SensorResult(
        run_requests=[_request(intake, looked.wanted, instance)],
        asset_events=[] if has_recorded_sources(intake.problem) else [_observation(intake.problem, looked.wanted)],
        dynamic_partitions_requests=_additions(intake.problem, looked.wanted),
        cursor=seen.to_cursor(),
    )


def _lacking(intake: Intake, before: Seen, past: Sequence[str], looked: Looked) -> dict[str, tuple[str, ...]]:
    """What is still lacking, of those looked into now and of those before; not more than is shown."""
    into = {*past[: looked.into]}
    kept = {key: tuple(names) for key, names in before.lacking.items() if key not in into}
    found = {key: intake.missing(key) for key in looked.incomplete[:SHOWN]}
    return dict(list({**kept, **found}.items())[:SHOWN])


def _request(intake: Intake, landed: Landed, instance: dg.DagsterInstance) -> dg.RunRequest:
    problem = intake.problem
    made = intake.store.head(f"{problem.name}/{DATASET}", landed.partition)
    before = made.target.short if made else "nothing"  # a file that is put back after another one is a run again
    about = f"{landed.partition} {landed.version[:16]} after {before}"
    tags = {CHAIN_TAG: chain_name(problem.name), LANDED_TAG: about}
    in_vain = instance.get_runs_count(dg.RunsFilter(statuses=IN_VAIN, tags=tags))
    return dg.RunRequest(
        run_key=f"{about}, {in_vain} in vain" if in_vain else about,
        partition_key=landed.partition,
        asset_selection=[asset_key(problem, noun) for noun in landed.nouns],
        tags=tags,
    )


def _observation(problem: Problem, landed: Landed) -> dg.AssetObservation:
    return dg.AssetObservation(
        asset_key(problem, "landing"),
        partition=landed.partition,
        metadata={"files": dg.MetadataValue.md(_listing(problem, landed.partition)), "why": landed.why},
        tags={DATA_VERSION_TAG: landed.version},
    )


def _additions(problem: Problem, landed: Landed) -> list[dg.AddDynamicPartitionsRequest]:
    if not isinstance(problem.partitions, Dynamic):
        return []
    return [dg.AddDynamicPartitionsRequest(problem.name, [landed.partition])]


def is_busy(problem: Problem, instance: dg.DagsterInstance) -> bool:
    """Whether a run of the problem is under way or waits: each needs what the one before it made."""
    under_way = dg.RunsFilter(statuses=NOT_FINISHED_STATUSES, tags={CHAIN_TAG: chain_name(problem.name)})
    return bool(instance.get_run_ids(under_way, limit=1))


def _nothing(seen: Seen, why: str) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=why, cursor=seen.to_cursor())


def _why_nothing(seen: Seen, left: Sequence[str]) -> str:
    parts = [
        f"{partition} lacks {', '.join(names)}." if names else f"{partition} is made when its files are written."
        for partition, names in seen.lacking.items()
    ]
    if left:
        parts.append(f"{_some(left)} will be looked into at the next tick.")
    if early := [partition for partition in seen.waiting if partition not in {*left}]:
        parts.append(
            f"{_some(early)} will be made when the time that it covers has passed, and what it shares is made."
        )
    return " ".join(parts) or "Nothing new has landed."


def _foreign(found: watch.Found) -> str:
    """That there are files which no partition is made from: misspelled ones, perhaps."""
    if not found.ignored:
        return ""
    return f" {found.ignored} file(s) are none that the problem names, such as {', '.join(found.examples)}."


def _some(partitions: Sequence[str]) -> str:
    more = f" and {len(partitions) - SHOWN} more" if len(partitions) > SHOWN else ""
    return ", ".join(partitions[:SHOWN]) + more


def _listing(problem: Problem, partition: str) -> str:
    return "\n".join(f"- `{name}`" for name in files_of(problem, partition))
