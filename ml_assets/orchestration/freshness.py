"""Models grow old even where no data lands: once a day a schedule looks, and trains again from the newest partition.

So that changed code, parameters and packages reach the champion's chair at a known pace, without history being made again:
automation follows data, not code. Where none of them has changed, a training would give the same model bit for bit, and is
not started. How old predictions may be is the freshness policy on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import dagster as dg

from ml_assets.assets import Asset, noun_that
from ml_assets.computation.chain import retrained
from ml_assets.computation.planner import Planner
from ml_assets.computation.reuse import given
from ml_assets.drift.decision import Retrain, decide
from ml_assets.orchestration.automation import CHAIN_TAG, running_on
from ml_assets.orchestration.keys import asset_key, chain_name
from ml_assets.problem import Problem
from ml_assets.store import LandingFolder, Manifest, Store, VersionKey
from ml_assets.training.split import judged_from

DAILY = "0 6 * * *"
SAME = "But nothing that it is made of has changed: it would come out the same."
MODEL, FEATURES = noun_that("trains"), noun_that("derives")
READERS = 8  # manifests that are read at the same time: on S3 each waits for its reply


def freshness_schedule(problem: Problem, store: Store, landing: LandingFolder) -> dg.ScheduleDefinition | None:
    """The daily look at the age of a problem's newest model; None for a problem whose models do not grow old."""
    if problem.retrain_when.older_than_days is None:
        return None

    @dg.schedule(
        name=f"{problem.name}_freshness",
        cron_schedule=DAILY,
        target=dg.AssetSelection.assets(*(asset_key(problem, noun) for noun in retrained(problem))),
        default_status=dg.DefaultScheduleStatus(running_on(store.branch).value),
        description=f"Trains {problem.name} again when its newest model is {problem.retrain_when.older_than_days:g} days old.",
    )
    def freshness(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        return look_at_age(problem, store, landing, context.scheduled_execution_time)

    return freshness


def look_at_age(
    problem: Problem, store: Store, landing: LandingFolder, now: datetime
) -> list[dg.RunRequest] | dg.SkipReason:
    """The runs that train again, or why none is needed.

    Of each line of partitions whose newest model is old the newest one that a model can be made of, whether or not it has one.
    """
    lines: dict[str | None, dict[str, float]] = {}
    for partition, manifest in published(problem, store, MODEL):
        lines.setdefault(problem.partitions.line(partition), {})[partition] = _age_days(manifest, now)
    ages = {_newest(problem, store, trained=max(line)): min(line.values()) for line in lines.values()}
    decisions = {partition: decide(problem.retrain_when, model_age_days=age) for partition, age in sorted(ages.items())}
    due = [partition for partition, decision in decisions.items() if isinstance(decision, Retrain)]
    if changed := _changed(problem, store, landing, due):
        return [_request(problem, partition, now) for partition in problem.partitions.in_order(changed)]
    nothing = decide(problem.retrain_when, model_age_days=None)
    reasons = [reason for d in decisions.values() or [nothing] for reason in d.reasons]
    return dg.SkipReason(" ".join([*reasons, *([SAME] if due else [])]))


def _changed(problem: Problem, store: Store, landing: LandingFolder, partitions: Sequence[str]) -> list[str]:
    """Those of the partitions whose model would not come out the same: something that it is made of has changed."""
    planner = Planner(problem, store, landing, given(problem, problem.params, problem.seed))
    return sorted(
        {planned.partition for planned in planner.plan(retrained(problem), partitions) if planned.takes_a_step}
    )


def would_change(problem: Problem, store: Store, landing: LandingFolder, partition: str) -> bool:
    """Whether a training of the partition would give another model than the one that is there."""
    nouns = retrained(problem)
    planner = Planner(problem, store, landing, given(problem, problem.params, problem.seed))
    planned = planner.plan(nouns[: nouns.index(MODEL) + 1], [partition])
    return any(one.takes_a_step for one in planned)


def newest_trainable(problem: Problem, store: Store, line: str | None) -> str | None:
    """The newest partition of a line that a model can be made of, whether or not it has one; None if none was ever made."""
    made = [key for key in store.named(f"{problem.name}/{MODEL}") if key and problem.partitions.line(key) == line]
    return _newest(problem, store, trained=max(made)) if made else None


def _newest(problem: Problem, store: Store, trained: str) -> str:
    """The newest one of its line that has rows to judge by, and whose window was made; not older than the last one trained."""
    line = problem.partitions.line(trained)
    made = [key for key in store.partitions(f"{problem.name}/{FEATURES}") if key is not None]
    later = [key for key in made if problem.partitions.line(key) == line and key > trained]
    return next((key for key in reversed(later) if _can_train(problem, store, key)), trained)


def _can_train(problem: Problem, store: Store, partition: str) -> bool:
    window = problem.partitions.window(partition, problem.window)
    data = store.head(f"{problem.name}/{noun_that('lands')}", partition)
    made = store.heads(f"{problem.name}/{FEATURES}", window)
    if data is None or len(made) < len(window):
        return False
    is_labelled = all(check.passed for check in store.manifest(data.target).checks if check.name == "labelled")
    return is_labelled and _has_judging_rows(problem, store, partition, made[partition].target)


def _has_judging_rows(problem: Problem, store: Store, partition: str, features: VersionKey) -> bool:
    """Whether a row with an outcome has landed of the days that judge: of a month that has only begun none has."""
    import numpy as np

    begins, time = judged_from(problem, partition), problem.event_time
    if begins is None or time is None:
        return True
    times = store.load(features, field="keys", columns=[time])[time]
    label = store.load(features, field="label")
    return bool(((times >= begins).to_numpy() & ~np.isnan(label)).any())


def newest_model_age_days(problem: Problem, store: Store, line: str | None, now: datetime) -> float | None:
    """How long ago the newest published model of a line was made; None if there is none."""
    made = published(problem, store, MODEL)
    ages = (_age_days(manifest, now) for partition, manifest in made if problem.partitions.line(partition) == line)
    return min(ages, default=None)


def _age_days(manifest: Manifest, now: datetime) -> float:
    return (now.astimezone(UTC) - datetime.fromisoformat(manifest.created_at)) / timedelta(days=1)


def _request(problem: Problem, partition: str, now: datetime) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{partition} {now.date()}", partition_key=partition, tags={CHAIN_TAG: chain_name(problem.name)}
    )


def published(problem: Problem, store: Store, noun: str) -> Iterator[tuple[str, Manifest]]:
    """Each partition of an asset, in their order, and what the branch names for it."""
    asset = f"{problem.name}/{noun}"
    heads = store.heads(asset, store.partitions(asset))
    with ThreadPoolExecutor(READERS) as pool:
        manifests = pool.map(store.manifest, [entry.target for entry in heads.values()])
        yield from ((key, made) for key, made in zip(heads, manifests, strict=True) if key is not None)


def freshness_policy(problem: Problem, asset: Asset) -> dg.FreshnessPolicy | None:
    """How old an asset may be: the predictions, as the problem says."""
    if asset.role != "serves" or problem.fresh_within_days is None:
        return None
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(days=problem.fresh_within_days))
