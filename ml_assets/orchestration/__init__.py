"""Problems as Dagster definitions: the only folder, with definitions.py, that imports Dagster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import dagster as dg

from ml_assets import assets
from ml_assets.assets.landing import has_recorded_sources
from ml_assets.errors import UsageError
from ml_assets.orchestration.alerts import alerts_sensor
from ml_assets.orchestration.asset import problem_asset
from ml_assets.orchestration.automation import automation_sensor
from ml_assets.orchestration.broken import apart, broken_asset, broken_sensor
from ml_assets.orchestration.candidates import candidates_graph
from ml_assets.orchestration.cluster.executor import cluster_executor
from ml_assets.orchestration.collecting import collecting_job, collecting_schedule
from ml_assets.orchestration.following import sources_sensor
from ml_assets.orchestration.freshness import freshness_schedule
from ml_assets.orchestration.io_manager import DEFAULT_IO_MANAGER, IO_MANAGER, StoreIOManager
from ml_assets.orchestration.job import chain_job
from ml_assets.orchestration.landing import landing_sensor, landing_spec
from ml_assets.orchestration.live_looks import live_job, live_schedule, live_spec
from ml_assets.orchestration.processes import local_executor
from ml_assets.orchestration.retraining import retraining_sensor
from ml_assets.orchestration.sharing import sharing_sensor
from ml_assets.orchestration.skew import skew_job, skew_schedule, skew_spec
from ml_assets.orchestration.step import LANDING_FOLDER
from ml_assets.orchestration.study import search_graph
from ml_assets.orchestration.upstream import foreign_specs, shared_specs
from ml_assets.problem import Problem
from ml_assets.problems import BrokenProblem, linked
from ml_assets.settings import Settings
from ml_assets.store import LandingFolder, Store

LOOK_SECONDS = (
    20.0  # that a sensor or schedule waits for a server: Dagster ends a look after 60, and there is a next one
)
GRAPHS = {"study": search_graph, "candidates": candidates_graph}
"""The assets that are made in several steps."""
EXECUTORS = {"local": local_executor, "kubernetes": cluster_executor}


def build_definitions(
    problems: Iterable[Problem],
    store: Store,
    landing: LandingFolder,
    broken: Iterable[BrokenProblem] = (),
    settings: Settings = Settings(),  # noqa: B008  # frozen
) -> dg.Definitions:
    """A whole code location: ``mergeable_definitions``, where steps run, and our IO manager for assets that name none.

    So nothing is ever pickled, not even what a user's own asset returns.
    """
    listed = list(problems)
    ours = mergeable_definitions(listed, store, landing, broken, settings)
    alone = dg.Definitions(
        assets=foreign_specs(listed),
        resources={DEFAULT_IO_MANAGER: (ours.resources or {})[IO_MANAGER]},
        executor=executor_of(settings),
    )
    return dg.Definitions.merge(ours, alone)


def mergeable_definitions(
    problems: Iterable[Problem],
    store: Store,
    landing: LandingFolder,
    broken: Iterable[BrokenProblem] = (),
    settings: Settings = Settings(),  # noqa: B008  # frozen
) -> dg.Definitions:
    """Everything Dagster needs to know of some problems, under names that nobody else's definitions have.

    Those that are ``broken``, or of which Dagster can make nothing, are shown as failed.
    """
    shared, odd = linked([*problems], broken)
    usable, unusable = apart(shared, lambda problem: (problem, assets_of(problem)))
    failed = [*odd, *unusable]
    good = [problem for problem, _ in usable]
    looking = store.within(LOOK_SECONDS), landing.within(LOOK_SECONDS)
    jobs = {problem.name: chain_job(problem, executor_of(settings)) for problem in good}
    skews = [(problem, job) for problem in good if (job := skew_job(problem))]
    collecting = collecting_job(good)
    lives = [(problem, job) for problem in good if (job := live_job(problem))]
    return dg.Definitions(
        assets=[
            *(asset for _, assets in usable for asset in assets),
            *(skew_spec(problem) for problem, _ in skews),
            *(live_spec(problem) for problem, _ in lives),
            *map(broken_asset, failed),
            *shared_specs(good),
        ],
        jobs=[*jobs.values(), *(job for _, job in (*skews, *lives)), collecting],
        sensors=[*_sensors(good, *looking, settings, jobs), *([broken_sensor(failed, store.branch)] if failed else [])],
        schedules=[
            *(schedule for problem in good if (schedule := freshness_schedule(problem, *looking))),
            *(skew_schedule(problem, looking[0], job) for problem, job in skews),
            collecting_schedule(collecting),
            *(live_schedule(problem, job) for problem, job in lives),
        ],
        resources={IO_MANAGER: StoreIOManager(store, settings.pages, settings.image), LANDING_FOLDER: landing},
    )


def executor_of(settings: Settings) -> dg.ExecutorDefinition:
    """Where steps run.

    Raises:
        UsageError: if nobody knows what the setting says.
    """
    if settings.execution not in EXECUTORS:
        raise UsageError(
            f"ML_ASSETS_EXECUTION is '{settings.execution}': steps do not run there. Set it to one of: {', '.join(EXECUTORS)}."
        )
    return EXECUTORS[settings.execution]


def _sensors(
    problems: Iterable[Problem],
    store: Store,
    landing: LandingFolder,
    settings: Settings,
    jobs: Mapping[str, dg.UnresolvedAssetJobDefinition],
) -> Iterator[dg.SensorDefinition]:
    for problem in problems:
        yield automation_sensor(problem, store.branch)
        if problem.landing_files:
            yield landing_sensor(problem, store, landing, jobs[problem.name], settings.landing_queue)
        if (follows := sources_sensor(problem, store, landing, jobs[problem.name])) is not None:
            yield follows
        if (takes_in := sharing_sensor(problem, store, landing, jobs[problem.name])) is not None:
            yield takes_in
        if (retrains := retraining_sensor(problem, store, landing)) is not None:
            yield retrains
    alerts = alerts_sensor(settings.alerts, ui=settings.ui)
    if alerts is not None:
        yield alerts
    if settings.mlflow or settings.openlineage:
        from ml_assets.orchestration.mirrors import mirror_sensors

        yield from mirror_sensors(problems, store, landing, settings)


def assets_of(problem: Problem) -> list[dg.AssetSpec | dg.AssetsDefinition]:
    """The landing folder and the chain of a problem."""
    outside = [] if has_recorded_sources(problem) else [landing_spec(problem)]
    return [*outside, *(_made(problem, asset) for asset in assets.chain_of(problem))]


def _made(problem: Problem, asset: assets.Asset) -> dg.AssetsDefinition:
    graph = GRAPHS.get(asset.name)
    return graph(problem, asset) if graph else problem_asset(problem, asset)
