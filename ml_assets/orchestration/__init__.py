"""Problems as Dagster definitions: the only folder, with definitions.py, that imports Dagster."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from ml_assets.orchestration.asset import LANDING, asset_key
from ml_assets.orchestration.champion import champion_asset
from ml_assets.orchestration.dataset import dataset_asset, landing_spec
from ml_assets.orchestration.evaluation import evaluation_asset
from ml_assets.orchestration.executor import local_executor
from ml_assets.orchestration.features import features_asset
from ml_assets.orchestration.io_manager import IO_MANAGER, StoreIOManager
from ml_assets.orchestration.model import model_asset
from ml_assets.orchestration.predictions import predictions_asset
from ml_assets.orchestration.split import split_asset
from ml_assets.problem import Problem
from ml_assets.store import LandingFolder, Store

NOUNS = (dataset_asset, features_asset, split_asset, model_asset, evaluation_asset, champion_asset, predictions_asset)
CHAIN = ("dataset", "features", "split", "model", "evaluation", "champion", "predictions")


def build_definitions(problems: Iterable[Problem], store: Store, landing: LandingFolder) -> dg.Definitions:
    """Everything Dagster needs to know of some problems, and where their artifacts and files are."""
    problems = list(problems)
    return dg.Definitions(
        assets=[*map(landing_spec, problems), *(asset(problem) for problem in problems for asset in NOUNS)],
        jobs=[chain_job(problem) for problem in problems],
        resources={IO_MANAGER: StoreIOManager(store), LANDING: landing},
        executor=local_executor,
    )


def chain_job(problem: Problem) -> dg.UnresolvedAssetJobDefinition:
    """The whole chain as a job: backfill this, and each partition is one run, in order.

    A backfill of *assets* follows the windows downstream, into partitions that nobody selected, in a run per layer.
    The tag lets ``dagster.yaml`` run one partition of a problem at a time: each needs what the one before it made.
    """
    return dg.define_asset_job(
        problem.name,
        dg.AssetSelection.assets(*(asset_key(problem, noun) for noun in CHAIN)),
        tags={"ml_assets/chain": problem.name},
        description=f"Everything of {problem.name} for a partition, from landed files to predictions.",
    )
