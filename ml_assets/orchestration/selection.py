"""What to run: which assets a selection names, over which partitions, and in which order."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository

from ml_assets.errors import UsageError
from ml_assets.orchestration.executor import ALL_THREADS, OWN_PROCESS
from ml_assets.orchestration.keys import asset_name, key_named, problem_of
from ml_assets.problems import definitions_module

_KEY = re.compile(r'key:"([^"]*)"')
ASSET_JOB = "__ASSET_JOB"  # Dagster's implicit job of all assets
Assets = frozenset[dg.AssetKey]
Place = tuple[dg.AssetKey, str]
"""An asset and one of its partitions."""


@dataclass(frozen=True)
class Target:
    """Where the definitions are, so that other processes can load them too."""

    module: str = "ml_assets.definitions"
    attribute: str = "defs"

    @classmethod
    def here(cls) -> Target:
        """Those of the working folder's project."""
        return cls(definitions_module(Path.cwd()))

    def job(self, assets: Assets = frozenset()) -> ReconstructableJob:
        """The job of the problem that all of these assets belong to, whose steps run where ours do; else the implicit one."""
        here = str(Path.cwd())  # where other processes look for modules that are not installed
        repository = ReconstructableRepository.for_module(self.module, self.attribute, here)
        problems = {problem_of(key) for key in assets}
        (name,) = problems if len(problems) == 1 else (ASSET_JOB,)
        return ReconstructableJob(repository, name if repository.get_definition().has_job(name) else ASSET_JOB)

    @property
    def graph(self) -> Any:
        """Dagster's graph of all assets; loaded once per process."""
        return self.job().repository.get_definition().asset_graph


@dataclass(frozen=True)
class Waves:
    """Assets whose partitions run in order, those that run side by side, and those that follow these, in order again."""

    before: Assets
    trainings: Assets = frozenset()
    after: Assets = frozenset()


def selected(target: Target, selection: str) -> Assets:
    """The assets that a selection names: a problem, a problem/asset (``+`` for what is below), or Dagster's syntax.

    Raises:
        UsageError: if it names nothing that can be materialized.
    """
    made = target.graph.materializable_asset_keys
    problems = {problem_of(key) for key in made}
    parts = [part.strip() for part in selection.split(",")] if '"' not in selection else [selection]
    found = [_resolved(target, _in_dagsters_words(part, made)) & made for part in parts]
    keys = frozenset().union(*found) if all(found) else frozenset()
    if not keys:
        known = ", ".join(names_of(frozenset(made)))
        raise UsageError(
            f"{selection!r} selects no asset. Name a problem ({', '.join(sorted(problems))}), one of its assets, or use "
            f"Dagster's selection syntax. Known: {known}."
        )
    return keys


def _in_dagsters_words(selection: str, made: Collection[dg.AssetKey]) -> str:
    bare = selection.strip("+")
    key = key_named(bare)
    if bare in {problem_of(key) for key in made}:
        return f'group:"{bare}"'
    words = selection.replace(bare, f'key:"{bare}"') if key in made else selection
    return _KEY.sub(lambda found: f'key:"{_whole(found[1], made)}"', words)


def _whole(name: str, made: Collection[dg.AssetKey]) -> str:
    """A key as Dagster has it, of one of ours that is called as in the store."""
    key = key_named(name)
    return "/".join(key.path) if key in made else name


def names_of(assets: Assets) -> list[str]:
    """``problem/asset`` of each, sorted."""
    return sorted(map(asset_name, assets))


def assets_named(names: Iterable[str]) -> Assets:
    """The inverse of ``names_of``."""
    return frozenset(key_named(name) for name in names)


def _resolved(target: Target, selection: str) -> set[dg.AssetKey]:
    with warnings.catch_warnings():  # Dagster's own parser uses a parameter that it calls beta
        warnings.simplefilter("ignore", dg.BetaWarning)
        try:
            return set(dg.AssetSelection.from_string(selection).resolve(target.graph))
        except dg.DagsterError:
            return set()


def partition_keys(target: Target, assets: Assets, instance: dg.DagsterInstance) -> list[str]:
    """All partitions of the assets, in order; dynamic ones as the instance knows them.

    Raises:
        UsageError: if the assets are partitioned differently.
    """
    definitions = {target.graph.get(key).partitions_def for key in assets}
    if len(definitions) != 1:
        raise UsageError("These assets are partitioned differently; run one problem at a time.")
    (partitions,) = definitions
    if partitions is None:
        about = ", ".join(sorted(f"{asset_name(key)}: {target.graph.get(key).description}" for key in assets))
        raise UsageError(f"What has no partitions is not run from here. {about}")
    return list(map(str, partitions.get_partition_keys(dynamic_partitions_store=instance)))


def waves(target: Target, work: Mapping[str, Assets], jobs: int) -> Waves:
    """In which order assets run: all of a partition at once, or trainings side by side between what is before and after.

    Args:
        work: the assets of each partition.
    """
    assets: Assets = frozenset().union(*work.values())
    trainings = frozenset(key for key in assets if OWN_PROCESS in _tags(target, key))
    if jobs < 2 or sum(bool(some & trainings) for some in work.values()) < 2:
        return Waves(assets)
    after = frozenset(key for key in assets - trainings if trainings & _ancestors(target.graph, key))
    return Waves(assets - trainings - after, trainings, after)


def needs_all_threads(target: Target, assets: Assets) -> bool:
    """Whether one of the assets has as many threads however many run beside it: how many run must not change a result."""
    return any(ALL_THREADS in _tags(target, key) for key in assets)


def _tags(target: Target, key: dg.AssetKey) -> set[str]:
    """The tags of an asset's ops; those of a study are its trials'."""
    return {tag for op in target.graph.get(key).assets_def.node_def.iterate_op_defs() for tag in op.tags}


class Dependencies:
    """What partitions of assets are made from, as their steps wait for it: not who is champion, which is what it is."""

    def __init__(self, target: Target) -> None:
        self._graph = target.graph
        self._missing: dict[Place, Place | None] = {}
        self._absent: set[Place] = set()

    def lose(self, places: Iterable[Place]) -> None:
        """These will not be there."""
        self._absent |= {*places}
        self._missing.clear()

    def lacks(self, place: Place) -> Place | None:
        """The first of what a partition of an asset is made from that will not be there; None if it can be made."""
        return self._lacks(place) if self._absent else None

    def _lacks(self, place: Place) -> Place | None:
        if place not in self._missing:
            found = (self._lacks(one) or (one if one in self._absent else None) for one in self._above(place))
            self._missing[place] = next(filter(None, found), None)
        return self._missing[place]

    def _above(self, place: Place) -> list[Place]:
        asset, partition = place
        node = self._graph.get(asset)
        inputs = {*node.assets_def.keys_by_input_name.values()} & self._graph.materializable_asset_keys - {asset}
        return [(above, key) for above in sorted(inputs) for key in self._partitions_above(node, above, partition)]

    def _partitions_above(self, node: Any, above: dg.AssetKey, partition: str) -> list[str]:
        mapping = self._graph.get_partition_mapping(node.key, above)
        if isinstance(mapping, dg.IdentityPartitionMapping):
            return [partition]
        subset = node.partitions_def.subset_with_partition_keys([partition])
        upstream = mapping.get_upstream_mapped_partitions_result_for_partitions(
            subset, node.partitions_def, self._graph.get(above).partitions_def
        )
        return [str(key) for key in upstream.partitions_subset.get_partition_keys()]


def _ancestors(graph: Any, key: dg.AssetKey) -> set[dg.AssetKey]:
    found: set[dg.AssetKey] = set()
    waiting = [key]
    while waiting:
        for parent in graph.get(waiting.pop()).parent_keys - found:
            found.add(parent)
            waiting.append(parent)
    return found
