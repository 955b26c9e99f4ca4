"""What runs emit of the small problem of one beach, and what they read and write for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dagster as dg

from ml_assets.orchestration import build_definitions
from ml_assets.orchestration.metadata import REUSE
from ml_assets.orchestration.step import FRESH_TAG
from ml_assets.problem import Problem
from ml_assets_tests.doubles import ice_cream
from ml_assets_tests.doubles.backends import Wrapped
from ml_assets_tests.doubles.world import World

PROBLEM, BEACH = ice_cream.PROBLEM, ice_cream.BEACHES[0]


@dataclass
class Noted(Wrapped):
    """Notes what is read and written, by the first part of its key."""

    read: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def get(self, key: str, most: int | None = None) -> bytes | None:
        self.read.append(key.split("/", maxsplit=1)[0])
        return super().get(key, most)

    def stream(self, key: str) -> Iterator[bytes] | None:
        self.read.append(key.split("/", maxsplit=1)[0])
        return super().stream(key)

    def put_new(self, key: str, data: bytes) -> bool:
        created = super().put_new(key, data)
        self.written += [key.split("/", maxsplit=1)[0]] if created else []
        return created

    def put_file(self, key: str, source: bytes | Path) -> None:
        self.written.append(key.split("/", maxsplit=1)[0])
        super().put_file(key, source)


def on_branch(world: World, branch: str) -> World:
    store = world.store.on(branch)
    return replace(world, store=store, definitions=build_definitions([PROBLEM], store, world.landing))


def afresh(world: World, problem: Problem, *nouns: str) -> dict[str, str]:
    result = world.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=world.instance,
        partition_key=BEACH,
        asset_selection=[dg.AssetKey([problem.name, noun]) for noun in nouns],
        tags={FRESH_TAG: "true"},
    )
    return said(result)


def shown(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """The metadata of each asset's materialization."""
    events = result.get_asset_materialization_events()
    assert len({event.asset_key for event in events}) == len(events)
    return {
        event.asset_key.path[-1]: dict(event.step_materialization_data.materialization.metadata) for event in events
    }


def said(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    return {noun: metadata[REUSE].value for noun, metadata in shown(result).items()}


def data_versions(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    return {
        event.asset_key.path[-1]: event.step_materialization_data.materialization.tags["dagster/data_version"]
        for event in result.get_asset_materialization_events()
    }


def checks(result: dg.ExecuteInProcessResult) -> set[tuple[Any, ...]]:
    return {
        (e.asset_key, e.check_name, e.partition, e.passed, e.severity, e.description)
        for e in result.get_asset_check_evaluations()
    }


def blob_of(world: World, noun: str) -> Path:
    """The largest file of what the branch names."""
    file = max(world.manifest(f"{PROBLEM.name}/{noun}", BEACH).content.files, key=lambda file: file.size)
    (path,) = Path(world.store.url.removeprefix("file://")).glob(f"blobs/*/{file.digest}*")
    return path
