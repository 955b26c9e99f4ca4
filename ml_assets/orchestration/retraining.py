"""A model is trained again where monitoring says that it should be: a sensor looks, decides, and keeps what it decided.

Looked at are the partitions that the present champion has served; of one that has not landed, what live looks found of it. What
it is asked for is one training for each finding, in which something has changed since the last model was made, and not before the
one before has cooled down. A run that is under way is waited for: what it makes may be the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from ml_assets.assets import noun_that
from ml_assets.computation.answered import LIVE
from ml_assets.computation.chain import retrained
from ml_assets.drift.decision import Measured, Retrain, Watched, decide_on
from ml_assets.lineage.monitored import monitored, seen_live
from ml_assets.monitoring.finding import Finding, Number
from ml_assets.orchestration.automation import CHAIN_TAG, running_on
from ml_assets.orchestration.freshness import newest_trainable, would_change
from ml_assets.orchestration.keys import asset_key, chain_name
from ml_assets.orchestration.landing import is_busy
from ml_assets.problem import Problem
from ml_assets.promotion.ledger import Ledger
from ml_assets.promotion.retraining import TRAINED, Retraining, days_since_training, has_decided, named
from ml_assets.store import LandingFolder, Store, VersionKey, digest

LOOK_SECONDS = 60  # between two looks
MOST_PARTITIONS = 60  # of a line that are looked at, newest first
ASKED_AGAIN = timedelta(hours=1)  # for a run whose look was cut off after its decision: Dagster starts a run key once

NOTHING = "Nothing is monitored yet of a champion that serves."

Look = dg.RunRequest | str
"""A run that is asked for, or why none is."""


def retraining_sensor(problem: Problem, store: Store, landing: LandingFolder) -> dg.SensorDefinition | None:
    """The sensor of a problem; None where monitoring starts no training."""
    if not problem.retrain_when.watches:
        return None

    @dg.sensor(
        name=f"{problem.name}_retraining",
        target=dg.AssetSelection.assets(*(asset_key(problem, noun) for noun in retrained(problem))),
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=running_on(store.branch),
        description=f"Trains {problem.name} again when monitoring finds what its retrain_when asks for; once for each finding.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        if is_busy(problem, context.instance):
            return dg.SkipReason("What monitoring found will be looked at after the run under way.")
        return look_at_findings(problem, store, landing, datetime.now(UTC))

    return sensor


def look_at_findings(
    problem: Problem, store: Store, landing: LandingFolder, now: datetime
) -> list[dg.RunRequest] | dg.SkipReason:
    """The runs that train again, or why none is needed. What was decided is kept, once."""
    looks = [_look(problem, store, landing, one, now) for one in _lines(problem, store)]
    asked = [look for look in looks if isinstance(look, dg.RunRequest)]
    return asked or dg.SkipReason(" ".join(map(str, looks)) or NOTHING)


@dataclass(frozen=True)
class _Line:
    """What monitoring says of the champion of a line.

    Attributes:
        about: the versions of ``monitoring`` that say so, newest partition first; of live looks the first at a partition.
    """

    watched: Watched
    about: tuple[VersionKey, ...]

    @property
    def partition(self) -> str:
        return self.watched.partition


def _lines(problem: Problem, store: Store) -> Iterator[_Line]:
    """Each line of partitions whose present champion has served some that were looked at."""
    lines = dict[str | None, set[str]]()
    for noun in (noun_that("watches"), LIVE):
        for partition in filter(None, store.named(f"{problem.name}/{noun}")):
            lines.setdefault(problem.partitions.line(partition), set()).add(partition)
    for partitions in lines.values():
        newest = sorted(partitions, reverse=True)[:MOST_PARTITIONS]
        champion = Ledger.of(store, problem, newest[0]).champion()
        own = _of_model(store, problem, newest, champion.model) if champion else {}
        served = dict(sorted(own.items(), key=lambda pair: pair[1].partition, reverse=True))
        if served:
            yield _of_line(served)


def _of_model(
    store: Store, problem: Problem, partitions: Sequence[str], model: VersionKey
) -> dict[VersionKey, Finding]:
    """What was found of a model where it served; of partitions that have not landed, by live looks."""
    found = monitored(store, problem.name, partitions)
    landed = {key: one for key, one in found.items() if one.model == str(model)}
    others = set(partitions) - {one.partition for one in landed.values()}
    return {**seen_live(store, problem.name, others, model), **landed}


def _of_line(served: Mapping[VersionKey, Finding]) -> _Line:
    """Of each kind the newest partition that tells; ``served`` is newest first."""
    newest = next(iter(served.items()))
    realised, estimated = (
        next(((key, one) for key, one in served.items() if one.numbers[name] is not None), None)
        for name in ("realised", "estimated")
    )
    first = newest[1]
    watched = Watched(
        first.metric,
        first.higher_is_better,
        first.partition,
        first.drifted,
        _measured(realised[1].partition, realised[1].realised) if realised else None,
        _measured(estimated[1].partition, estimated[1].estimated) if estimated else None,
    )
    about = dict.fromkeys(of[0] for of in (newest, realised, estimated) if of)
    return _Line(watched, tuple(about))


def _measured(partition: str, number: Number | None) -> Measured | None:
    return Measured(partition, number.value, number.low, number.high) if number else None


def _look(problem: Problem, store: Store, landing: LandingFolder, of: _Line, now: datetime) -> Look:
    log = Retraining.of(store, problem, of.partition)
    entries = log.entries()
    if has_decided(entries, TRAINED, of.about):
        last = next(entry for entry in reversed(entries) if entry.details["decision"] == TRAINED)
        is_young = now - datetime.fromisoformat(last.at) < ASKED_AGAIN
        return (
            _request(problem, of, str(last.details["trains"])) if is_young else f"{of.partition}: it was trained again."
        )
    trains = newest_trainable(problem, store, problem.partitions.line(of.partition))
    if trains is None:
        return f"{of.partition}: there is nothing to train from."
    when, since = problem.retrain_when, days_since_training(entries, now)
    decision = decide_on(when, of.watched, days_since=since)
    if isinstance(decision, Retrain) and not would_change(problem, store, landing, trains):
        decision = decide_on(when, of.watched, days_since=since, same=True)
    why = " ".join(decision.reasons)
    if isinstance(decision, Retrain):
        log.keep(TRAINED, of.about, trains=trains, why=why)
        return _request(problem, of, trains)
    if decision.held:
        log.keep(decision.held, of.about, trains=trains, why=why)
    return why


def _request(problem: Problem, of: _Line, trains: str) -> dg.RunRequest:
    about = digest(" ".join(named(of.about)).encode())
    return dg.RunRequest(
        run_key=f"{trains} {about[:16]}", partition_key=trains, tags={CHAIN_TAG: chain_name(problem.name)}
    )
