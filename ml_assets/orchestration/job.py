"""The whole chain of a problem as a job of Dagster's."""

from __future__ import annotations

import dagster as dg

from ml_assets.computation.chain import chain_of
from ml_assets.orchestration.automation import CHAIN_TAG
from ml_assets.orchestration.keys import asset_key, chain_name
from ml_assets.problem import Problem


def chain_job(problem: Problem, executor: dg.ExecutorDefinition) -> dg.UnresolvedAssetJobDefinition:
    """The whole chain as a job: backfill this, and each partition is one run, in order.

    A backfill of *assets* follows the windows downstream, into partitions that nobody selected, in a run per layer.
    The tag lets ``dagster.yaml`` run one partition of a problem at a time: each needs what the one before it made.
    """
    return dg.define_asset_job(
        problem.name,
        dg.AssetSelection.assets(*(asset_key(problem, noun) for noun in chain_of(problem))),
        tags={CHAIN_TAG: chain_name(problem.name)},
        executor_def=executor,
        description=f"Everything of {problem.name} for a partition, from landed files to predictions.",
    )
