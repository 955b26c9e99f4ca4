"""What no rule keeps goes to the trash and is deleted two weeks later: a job of the store, and a schedule that starts it weekly.

A job, and no asset: it makes nothing. Problems that are not loaded here keep all that they named: their rules are not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from ml_assets.orchestration.io_manager import StoreIOManager
from ml_assets.orchestration.store_job import store_job
from ml_assets.problem import Problem
from ml_assets.retention import Retention

WEEKLY = "0 4 * * 0"
COLLECT = "ml_assets_gc"


def collecting_job(problems: Sequence[Problem]) -> dg.JobDefinition:
    """What `ml-assets gc` does, by the rules of these problems."""

    def collect(at: Any, io: StoreIOManager) -> Iterator[dg.AssetMaterialization]:
        retention = Retention(io.store, problems, tell=at.log.info)
        found = retention.collect()
        for key, why in retention.plan.lost.items():
            at.log.warning(f"{key} can no longer be reproduced: {why}")
        at.log.info(
            f"{len(found.collected):,} versions lost their content: {found.moved.bytes:,} bytes lie in the trash; "
            f"{found.deleted.bytes:,} bytes of earlier collections are deleted. Take it back: ml-assets gc --undo"
        )
        yield from ()

    return store_job(COLLECT, "Lets go of content that no rule keeps, see `ml-assets gc --dry-run`.", collect)


def collecting_schedule(job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Once a week. It is off until somebody switches it on, who has seen what would go."""
    return dg.ScheduleDefinition(
        name=COLLECT,
        job=job,
        cron_schedule=WEEKLY,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Collects what no rule keeps. Off until somebody switches it on: first see `ml-assets gc --dry-run`.",
    )
