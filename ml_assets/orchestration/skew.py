"""Whether rows are over HTTP what they are in the batch chain: a job of each problem, and a schedule that starts it once a day.

A job, and no check of an asset: whoever makes an asset makes its checks, too, and runs of the chain have nothing to do with this
one, which is about the champion of the moment. What it finds is an entry of ``skew``, an asset that nothing else makes or reads:
its numbers plot over time. A difference fails nothing; it is told, once, by the alerts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_assets.assets import noun_that
from ml_assets.computation.chain import chain_of
from ml_assets.errors import UnknownVersion, UsageError
from ml_assets.orchestration.audit import COMMAND
from ml_assets.orchestration.io_manager import StoreIOManager
from ml_assets.orchestration.keys import asset_key
from ml_assets.orchestration.store_job import found_over_http, store_job
from ml_assets.problem import Problem
from ml_assets.store import Store

if TYPE_CHECKING:
    from ml_assets.serving.skew import Skew

DAILY = "30 6 * * *"
SKEW = "skew"
SKEWED = "skewed"
"""A note that alerts read: the columns that differ."""


def skew_spec(problem: Problem) -> dg.AssetSpec:
    """Where people see what was found."""
    what = "Whether rows are over HTTP what they are in the batch chain, as the job of this name found it."
    return found_over_http(problem, SKEW, what)


def skew_job(problem: Problem) -> dg.JobDefinition | None:
    """What compares the newest rows of a problem with its champion over HTTP; None for one without champions."""
    if noun_that("decides") not in chain_of(problem):
        return None

    def compare(at: Any, io: StoreIOManager) -> Iterator[dg.AssetMaterialization]:
        found = compared(problem, io.store)
        said = " ".join(one.sentence for one in found)
        (at.log.info if all(one.is_equal for one in found) else at.log.warning)(said)
        yield dg.AssetMaterialization(asset_key(problem, SKEW), metadata=notes(problem, found, said))

    what = f"Whether rows of {problem.name} are over HTTP what they are in the batch chain, see `ml-assets skew`."
    return store_job(f"{problem.name}_{SKEW}", what, compare)


def compared(problem: Problem, store: Store) -> list[Skew]:
    """Each line of a problem that has a champion.

    Raises:
        UsageError: if what serves is not installed.
    """
    try:
        from ml_assets.serving.skew_check import skews
    except ModuleNotFoundError as error:
        raise UsageError(f"Serving needs {error.name}. Install it: pip install 'ml_assets[serve]'") from None
    return list(skews(store, problem))


def notes(problem: Problem, found: Sequence[Skew], said: str) -> dict[str, Any]:
    """What is recorded of a look: numbers that plot over time, and what alerts read."""
    columns = dict.fromkeys(name for one in found for name in one.columns)
    skewed = {SKEWED: ", ".join(columns) or "rows are refused", COMMAND: f"ml-assets skew {problem.name}"}
    return {
        "why": said,
        "columns_that_differ": len(columns),
        "columns_that_need_other_rows": max(len(one.neighbourly) for one in found),
        **({} if all(one.is_equal for one in found) else skewed),
    }


def skew_schedule(problem: Problem, store: Store, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """The daily look. It is off until somebody switches it on, where champions are served."""

    @dg.schedule(
        name=job.name,
        cron_schedule=DAILY,
        job=job,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"Compares rows of {problem.name} over HTTP with the batch chain. Off until somebody switches it on.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from ml_assets.serving.line import crowned

        try:
            crowned(problem, store)
        except UnknownVersion as nobody:
            return dg.SkipReason(str(nobody))
        return dg.RunRequest(run_key=f"skew {context.scheduled_execution_time.date()}")

    return daily
