"""What follows by itself: everything downstream of a dataset, on changed data versions and passed blocking checks.

A sensor starts a run of the whole chain for a partition whose files are new (landing.py), whose rows are (following.py), or of
which all that it shares is there for the first time (sharing.py). What that run changes for *other* partitions (windows that
contain it), and what is materialized by hand, is followed by the conditions here:

    requested when     an upstream partition has another data version than this asset was made from,
                       or is requested itself at this moment, in the same partition: the rest of a chain is one run
    but not while      something upstream is missing or in progress, a blocking check upstream has not passed, or the
                       partition itself is in progress
    and only when      two looks in a row found it so (see _twice), except for what is requested together

Materializing again what gives the same content changes no data version and starts nothing. Editing code starts nothing:
history is made again by hand, or when a model grows old. What is already there when automation is first turned on counts
as seen. An older champion decision does not start later ones: they are in order of time, not derived from each other.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from ml_assets.assets import Asset, first_for_training, noun_that
from ml_assets.assets.landing import has_recorded_sources
from ml_assets.orchestration.keys import asset_key, chain_name
from ml_assets.orchestration.upstream import upstream_inputs
from ml_assets.problem import Problem
from ml_assets.store import MAIN

When = dg.AutomationCondition[Any]
CHAIN_TAG = "ml_assets/chain"
"""Tag of every run of a problem; dagster.yaml lets one run at a time per problem, in order of request."""

TICK_SECONDS = 1  # Dagster's loop wakes every five; asking for less than that gives exactly that


def automation_sensor(problem: Problem, branch: str) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions of a problem's assets. Running by default, but not on branches.

    One per problem, so that partitions of two problems never share a run. Runs, not backfills: those go layer by layer.
    """
    return dg.AutomationConditionSensorDefinition(
        f"{problem.name}_automation",
        target=dg.AssetSelection.groups(problem.name),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=running_on(branch),
        run_tags={CHAIN_TAG: chain_name(problem.name)},
        emit_backfills=False,
        description=f"Makes again what depends on changed data of {problem.name}.",
    )


def running_on(branch: str) -> dg.DefaultSensorStatus:
    """Sensors run out of the box where everybody's artifacts are made; a laptop's branch starts them by hand."""
    return dg.DefaultSensorStatus.RUNNING if branch == MAIN else dg.DefaultSensorStatus.STOPPED


def condition(problem: Problem, asset: Asset) -> When | None:
    """When an asset of a problem is made again; None for what a sensor alone makes: of landed files, of a database."""
    if not asset.inputs_of(problem) and not (asset.role == "records" and upstream_inputs(problem)):
        return None
    champion = dg.AssetSelection.assets(asset_key(problem, noun_that("decides")))
    changed: Any = When.any_deps_match(When.data_version_changed())
    if asset.role == "decides":  # not for the champion before
        changed = changed.ignore(champion)
    handled = When.newly_requested() | When.newly_updated() | When.execution_failed().newly_true()
    ready: Any = ~When.any_deps_missing() & ~When.any_deps_in_progress() & When.all_deps_blocking_checks_passed()
    if asset.reads_ledger:
        ready = ready.ignore(champion)
    if asset.role == "lands" and not has_recorded_sources(
        problem
    ):  # what is new is for the sensors of landing.py, sharing.py
        files = dg.AssetSelection.assets(asset_key(problem, noun_that("records")))
        changed, ready = changed.ignore(files), ready.ignore(files) & ~When.missing()
    ready = ready & ~When.in_progress()
    when: Any = _twice(changed.since(handled) & ready)
    if asset.is_of_one_partition(problem):
        # of other partitions nobody knows, before they are made, whether their data will change
        when = when | (When.any_deps_match(When.will_be_requested()).ignore(champion) & ready)
    if asset == first_for_training() and not problem.retrain_when.new_partition:
        when = when & ~When.missing()
    labelled: When = when.with_label("upstream data changed")
    return labelled


def _twice(condition: When) -> When:
    """Whether it is true now and was at the last look.

    An evaluation reads what was made at its beginning, and what is in progress later. An asset that is made in between is
    neither made nor in progress; what it was made from looks as if nobody had followed it. The next evaluation sees both.
    """
    return condition & ~condition.newly_true()
