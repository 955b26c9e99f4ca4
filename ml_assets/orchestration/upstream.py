"""Other people's assets as inputs of ours: what Dagster is told of them, and which version of each is there now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import extract_data_version_from_entry

from ml_assets.assets import asset_that
from ml_assets.orchestration.io_manager import IO_MANAGER
from ml_assets.orchestration.keys import key_named
from ml_assets.orchestration.partitions import shared_definition
from ml_assets.problem import Problem
from ml_assets.sources import Upstream, recorded_sources
from ml_assets.sources.declared import parameter


def upstream_inputs(problem: Problem) -> dict[str, dg.AssetIn]:
    """By the name of the parameter that has what each holds; of what a query reads, nothing is handed over."""
    return {
        parameter(name): dg.AssetIn(
            key=dg.AssetKey(source.path),
            partition_mapping=source.partition_mapping,
            dagster_type=dg.Nothing if source.query else Any,
        )
        for name, source in _upstream(problem).items()
    }


def foreign_specs(problems: Iterable[Problem]) -> list[dg.AssetSpec]:
    """Other people's assets that problems read, as far as Dagster must know of them where those people's code is not loaded."""
    listed = list(problems)
    ours = {problem.name for problem in listed}
    paths = {tuple(source.path) for problem in listed for source in _upstream(problem).values()}
    about = "Made elsewhere: in the Dagster project that these problems are part of."
    return [dg.AssetSpec(dg.AssetKey(path), description=about) for path in sorted(paths) if path[0] not in ours]


def shared_specs(problems: Iterable[Problem]) -> list[dg.AssetSpec]:
    """What problems share of others that are not among them: broken ones, whose versions are there, and those of a past."""
    listed = list(problems)
    ours = {problem.name for problem in listed}
    reading = {
        read.asset: shared_definition(problem, read)
        for problem in listed
        for read in asset_that("lands").inputs_of(problem)
        if "/" in read.asset and read.asset.partition("/")[0] not in ours
    }
    specs = [dg.AssetSpec(key_named(key), partitions_def=cut) for key, cut in sorted(reading.items())]
    return [spec.with_io_manager_key(IO_MANAGER) for spec in specs]


def is_handed_over(read: dg.AssetIn) -> bool:
    """Whether a function is given the value of an input, not only made after it."""
    return not getattr(read.dagster_type, "is_nothing", False)


def versions_of(problem: Problem, context: dg.AssetExecutionContext) -> dict[str, str]:
    """Source -> the data versions that its asset has now, of the partitions that are read; none where one has none."""
    found = {}
    for name, source in _upstream(problem).items():
        partitions = _partitions(context, parameter(name))
        versions = {key: _version(context.instance, dg.AssetKey(source.path), key) for key in partitions}
        if all(versions.values()):
            found[name] = ", ".join(f"{key or source.asset} {version}" for key, version in versions.items())
    return found


def _upstream(problem: Problem) -> Mapping[str, Upstream]:
    sources = recorded_sources(problem.sources)
    return {name: source for name, source in sources.items() if isinstance(source, Upstream)}


def _partitions(context: dg.AssetExecutionContext, name: str) -> Sequence[str | None]:
    step = context.op_execution_context.get_step_execution_context()
    if not step.has_asset_partitions_for_input(name):
        return [None]
    return sorted(step.asset_partitions_subset_for_input(name).get_partition_keys())


def _version(instance: dg.DagsterInstance, asset: dg.AssetKey, partition: str | None) -> str | None:
    """Of the newest materialization, or observation where nobody here materializes it; None if there is none."""
    wanted = [partition] if partition is not None else None
    fetch = instance.fetch_materializations, instance.fetch_observations
    for find in fetch:
        filters = dg.AssetRecordsFilter(asset, asset_partitions=wanted)
        records = find(filters, limit=1).records
        if records:
            version = extract_data_version_from_entry(records[0].event_log_entry)
            return version.value if version is not None else None
    return None
