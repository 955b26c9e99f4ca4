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
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from ml_assets.drift.decision import Retrain, decide
from ml_assets.errors import InvalidProblem, NotLanded
from ml_assets.orchestration.asset import asset_key
from ml_assets.orchestration.automation import CHAIN_TAG, TICK_SECONDS, running_on
from ml_assets.orchestration.freshness import newest_model_age_days
from ml_assets.orchestration.partitions import partitions_definition
from ml_assets.problem import PARTITION, Daily, Dynamic, Monthly, Problem, files_of, is_calendar, window_keys
from ml_assets.store import LandingFolder, Queue, Store, digest, watch

LOOKING_SECONDS = 15  # of one tick, for comparing waiting files with what was made from them; Dagster ends it after 60
SCORED = ("dataset", "features", "predictions")
CHAIN = ("dataset", "features", "split", "model", "evaluation", "champion", "predictions")
SHOWN = 5
LANDED_TAG = "ml_assets/landed"  # of a run: which version of the files it is for
IN_VAIN = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def landing_spec(problem: Problem) -> dg.AssetSpec:
    """The landing folder: files come from outside, Dagster does not make them."""
    files = "\n".join(f"- `{problem.name}/{name}`" for name in problem.files)
    return dg.AssetSpec(
        asset_key(problem, "landing"),
        description=f"Files that land for `{problem.name}`, in the landing folder:\n\n{files or '(the problem names none)'}",
        partitions_def=partitions_definition(problem),
        group_name=problem.name,
        owners=list(problem.owners),
        kinds={"file"},
    )


def landing_sensor(problem: Problem, store: Store, landing: LandingFolder, queue: str = "") -> dg.SensorDefinition:
    """The sensor that starts a run for each partition of a problem whose files are new.

    Args:
        queue: address of an SQS queue that is told of landed files; without one the folder is only listed.
    """
    door = Door(problem, store, landing, Queue(queue, landing.backend.url) if queue else None)

    @dg.sensor(
        name=f"{problem.name}_landing",
        asset_selection=dg.AssetSelection.assets(*(asset_key(problem, noun) for noun in CHAIN)),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=running_on(store.branch),
        description=f"Starts a run when files of {problem.name} land, late and corrected ones included.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return door.tick(Seen.of(context.cursor), context.instance, datetime.now(UTC), context.log)

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


@dataclass(frozen=True)
class Landed:
    """A partition whose files are all there: the version of them, and the assets that are to be made."""

    partition: str
    version: str
    nouns: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Looked:
    """What looking into waiting partitions has found.

    Attributes:
        wanted: the first one to be made.
        into: how many were looked into; they wait no longer.
        incomplete: those of them that lack a file, or have one that is being written.
    """

    wanted: Landed | None = None
    into: int = 0
    incomplete: tuple[str, ...] = ()


@dataclass(frozen=True)
class Door:
    """Where a problem's files come in; ``patience``: seconds of one tick for looking into what waits."""

    problem: Problem
    store: Store
    landing: LandingFolder
    queue: Queue | None = None
    patience: float = LOOKING_SECONDS

    def tick(self, seen: Seen, instance: dg.DagsterInstance, now: datetime, log: logging.Logger) -> dg.SensorResult:
        """See what landed, and ask for at most one run."""
        where = (self.landing, self.problem.name, self.problem.files)
        found = watch.look(*where, seen.watch, store=self.store, now=now, queue=self.queue)
        for note in found.notes:
            log.warning(note)
        waiting = sorted(filter(self._is_partition, {*seen.waiting, *found.partitions}))
        if waiting and _busy(self.problem, instance):
            why = f"{_some(waiting)} will be looked into after the run under way."
            return _nothing(Seen(found.watch, tuple(waiting), seen.lacking), why)
        past = self._past(waiting, now)
        looked = self._look_into(past, now)
        left = past[looked.into :]
        seen = Seen(found.watch, tuple(sorted({*waiting} - {*past} | {*left})), self._lacking(seen, past, looked))
        if looked.wanted is None:
            return _nothing(seen, _why_nothing(seen, left) + _foreign(found))
        return dg.SensorResult(
            run_requests=[self._request(looked.wanted, instance)],
            asset_events=[self._observation(looked.wanted)],
            dynamic_partitions_requests=self._additions(looked.wanted),
            cursor=seen.to_cursor(),
        )

    # ------------------------------------------------------------ what is wanted

    def _look_into(self, waiting: Sequence[str], now: datetime) -> Looked:
        """Find the first partition to be made.

        Forgotten are those that are made already, and those that lack a file: when it lands, the watch finds them again.
        Comparing reads the files: a tick that took too long would be ended by Dagster, and begin anew for ever.
        """
        incomplete: list[str] = []
        started, into = time.monotonic(), 0
        for into, partition in enumerate(waiting, start=1):
            version = watch.version(self.landing, self.problem.name, self.problem.files, partition, now=now)
            if version is None:
                incomplete.append(partition)
            elif not self._is_made(partition):
                return Looked(Landed(partition, version, *self._nouns(partition, now)), into, tuple(incomplete))
            if time.monotonic() - started >= self.patience:
                break
        return Looked(None, into, tuple(incomplete))

    def _lacking(self, before: Seen, past: Sequence[str], looked: Looked) -> dict[str, tuple[str, ...]]:
        """What is still lacking, of those looked into now and of those before; not more than is shown."""
        into = {*past[: looked.into]}
        kept = {key: tuple(names) for key, names in before.lacking.items() if key not in into}
        found = {key: self._missing(key) for key in looked.incomplete[:SHOWN]}
        return dict(list({**kept, **found}.items())[:SHOWN])

    def _missing(self, partition: str) -> tuple[str, ...]:
        """The files that are not there; none if one is being written."""
        everybodys = [f"{self.problem.name}/{name}" for name in self.problem.files if PARTITION not in name]
        names = [*files_of(self.problem, partition), *everybodys]
        return tuple(name for name in names if self.landing.entry(name) is None)

    def _past(self, waiting: Sequence[str], now: datetime) -> list[str]:
        """Those whose time has passed, or that the problem wants ahead of it."""
        if not waiting or not is_calendar(self.problem.partitions):
            return list(waiting)
        known = set(self.problem.partitions.keys(until=now))
        return [partition for partition in waiting if partition in known]

    def _is_made(self, partition: str) -> bool:
        """Whether the published dataset was made from these very bytes."""
        entry = self.store.head(f"{self.problem.name}/dataset", partition)
        if entry is None:
            return False
        read = {file.name: file.digest for file in self.store.manifest(entry.target).landed}
        try:
            return all(read.get(name) == digest(self.landing.read(name)) for name in files_of(self.problem, partition))
        except NotLanded:  # deleted in between
            return False

    def _nouns(self, partition: str, now: datetime) -> tuple[tuple[str, ...], str]:
        """As much of the chain as can be made, and why: features need the lookback, a split the window."""
        if not self._has("dataset", partition, self.problem.lookback + 1):
            return ("dataset",), "The partitions before it that its features need have not been made."
        has_model = self.store.head(f"{self.problem.name}/model", partition) is not None
        age = None if has_model else self._age_days(now)
        decision = decide(self.problem.retrain_when, model_age_days=age, landed=partition, has_model=has_model)
        trains = isinstance(decision, Retrain) and self._has("features", partition, self.problem.window)
        return CHAIN if trains else SCORED, " ".join(decision.reasons)

    def _age_days(self, now: datetime) -> float | None:
        """The age of the newest model, where it matters (finding it reads all of them) and where there is one for all."""
        if self.problem.retrain_when.new_partition or not is_calendar(self.problem.partitions):
            return None
        return newest_model_age_days(self.problem, self.store, now)

    def _has(self, noun: str, partition: str, size: int) -> bool:
        """Whether the partitions before it in a window of this size have been made."""
        before = window_keys(self.problem.partitions, partition, size)[:-1]
        return all(self.store.head(f"{self.problem.name}/{noun}", key) is not None for key in before)

    def _is_partition(self, key: str) -> bool:
        """Whether a key in a file's name is that of a partition which the problem has or will have."""
        partitions = self.problem.partitions
        try:
            partitions.partition(key)
        except InvalidProblem:
            return False
        if not isinstance(partitions, (Monthly, Daily)):
            return True
        return partitions.start <= key and (partitions.end is None or key < partitions.end)

    # ------------------------------------------------------------ what Dagster is told

    def _request(self, landed: Landed, instance: dg.DagsterInstance) -> dg.RunRequest:
        made = self.store.head(f"{self.problem.name}/dataset", landed.partition)
        before = made.target.short if made else "nothing"  # a file that is put back after another one is a run again
        about = f"{landed.partition} {landed.version[:16]} after {before}"
        tags = {CHAIN_TAG: self.problem.name, LANDED_TAG: about}
        in_vain = instance.get_runs_count(dg.RunsFilter(statuses=IN_VAIN, tags=tags))
        return dg.RunRequest(
            run_key=f"{about}, {in_vain} in vain" if in_vain else about,
            partition_key=landed.partition,
            asset_selection=[asset_key(self.problem, noun) for noun in landed.nouns],
            tags=tags,
        )

    def _observation(self, landed: Landed) -> dg.AssetObservation:
        return dg.AssetObservation(
            asset_key(self.problem, "landing"),
            partition=landed.partition,
            metadata={"files": dg.MetadataValue.md(_listing(self.problem, landed.partition)), "why": landed.why},
            tags={DATA_VERSION_TAG: landed.version},
        )

    def _additions(self, landed: Landed) -> list[dg.AddDynamicPartitionsRequest]:
        if not isinstance(self.problem.partitions, Dynamic):
            return []
        return [dg.AddDynamicPartitionsRequest(self.problem.name, [landed.partition])]


def _busy(problem: Problem, instance: dg.DagsterInstance) -> bool:
    under_way = dg.RunsFilter(statuses=NOT_FINISHED_STATUSES, tags={CHAIN_TAG: problem.name})
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
        parts.append(f"{_some(early)} will be made when the time that it covers has passed.")
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
