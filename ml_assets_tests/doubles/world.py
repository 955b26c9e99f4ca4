"""A whole world in a folder: store, landing folder, Dagster instance and definitions of some problems, run in process."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy
from alembic.config import Config
from alembic.script import ScriptDirectory

from ml_assets import artifacts
from ml_assets.orchestration import build_definitions
from ml_assets.orchestration.keys import asset_key, op_name, problem_of
from ml_assets.orchestration.step import FRESH_TAG
from ml_assets.problem import Problem
from ml_assets.store import LandingFolder, Manifest, Store, VersionKey, open_landing, open_store
from ml_assets_tests.doubles import ice_cream, umbrellas

DATABASES = ("run_storage", "event_log_storage")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class World:
    store: Store
    landing: LandingFolder
    instance: dg.DagsterInstance
    definitions: dg.Definitions

    def run(
        self,
        problem: Problem,
        partition: str,
        nouns: Iterable[str] = (),
        *,
        config: dict[str, Any] | None = None,
        fresh: bool = False,
    ) -> dg.ExecuteInProcessResult:
        """Materialize a problem's assets (all of them, or some nouns) for a partition."""
        made = self.definitions.resolve_asset_graph().materializable_asset_keys
        keys = [asset_key(problem, noun) for noun in nouns] or [k for k in made if problem_of(k) == problem.name]
        ops = {op_name(problem, "model"): {"config": config}} if config else {}
        return self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance,
            partition_key=partition,
            asset_selection=keys,
            run_config={"ops": ops, **QUIET},
            raise_on_error=False,
            tags={FRESH_TAG: "true"} if fresh else {},
        )

    def must_run(self, *args: Any, **kwargs: Any) -> dg.ExecuteInProcessResult:
        """``run``, and fail with the reason unless it succeeds."""
        result = self.run(*args, **kwargs)
        assert result.success, [why(failed) for failed in result.get_step_failure_events()]
        return result

    def with_problems(self, problems: Iterable[Problem]) -> World:
        """The same world after somebody edited the problems."""
        return replace(self, definitions=build_definitions(problems, self.store, self.landing))

    def copied_to(self, folder: Path, problems: Iterable[Problem]) -> World:
        """A world like it in another folder, to be changed: what took seconds to make is there at once."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        copy = _opened(folder, problems)
        for name in DATABASES:
            _database(self.instance, name).backup(_database(copy.instance, name))
        return copy

    def keep(self) -> None:
        """Write down beside the store what the instance knows, for ``reopened``."""
        for name in DATABASES:
            with closing(sqlite3.connect(self.folder / f"{name}.db")) as file:
                _database(self.instance, name).backup(file)

    @property
    def folder(self) -> Path:
        return Path(self.store.backend.url).parent

    def head(self, asset: str, partition: str) -> VersionKey:
        entry = self.store.head(asset, partition)
        assert entry is not None, f"nothing is published for {asset} [{partition}]"
        return entry.target

    def manifest(self, asset: str, partition: str) -> Manifest:
        return self.store.manifest(self.head(asset, partition))

    def load(self, asset: str, partition: str) -> Any:
        return self.store.load(self.head(asset, partition))

    def blobs(self) -> set[str]:
        return set(self.store.backend.list("blobs"))


def remember_migrations() -> None:
    """Each new instance reads all of Dagster's migrations to note which is the last: 0.1 of the 0.3 s of a world."""
    read, known = ScriptDirectory.from_config, dict[str | None, ScriptDirectory]()

    def remembered(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in known:
            known[place] = read(config)
        return known[place]

    ScriptDirectory.from_config = remembered  # type: ignore[method-assign, assignment]


remember_migrations()


def build(folder: Path, problems: Iterable[Problem] = (umbrellas.PROBLEM, ice_cream.PROBLEM)) -> World:
    """An empty store and a landing folder in which everything of the two tiny problems has landed."""
    world = _opened(folder, problems)
    land_all(world.landing)
    return world


def reopened(folder: Path, problems: Iterable[Problem] = (umbrellas.PROBLEM, ice_cream.PROBLEM)) -> World:
    """A world that was made, perhaps by another process, and kept."""
    world = _opened(folder, problems)
    for name in DATABASES:
        with closing(sqlite3.connect(folder / f"{name}.db")) as file:
            file.backup(_database(world.instance, name))
    return world


def _opened(folder: Path, problems: Iterable[Problem]) -> World:
    trust_all()
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    store, landing = open_store(str(folder / "store"), user="ada"), open_landing(str(folder / "landing"))
    instance = dg.DagsterInstance.ephemeral(tempdir=str(folder / "instance"))
    _keep_connections(instance)
    return World(store, landing, instance, build_definitions(problems, store, landing))


def _keep_connections(instance: dg.DagsterInstance) -> None:
    """Dagster opens its databases in memory anew for each of the 400 questions of a run: a tenth of what it takes."""
    for name in DATABASES:
        storage: Any = getattr(instance, name)
        kept = {"poolclass": sqlalchemy.QueuePool, "connect_args": {"check_same_thread": False}}
        storage._engine = sqlalchemy.create_engine(storage._engine.url, **kept)


def _database(instance: dg.DagsterInstance, name: str) -> sqlite3.Connection:
    """Of an ephemeral instance: each of its storages holds a database in memory open."""
    connection: sqlite3.Connection = getattr(instance, name)._held_conn.connection.driver_connection
    return connection


def trust_all() -> None:
    artifacts.trust_all([umbrellas.PROBLEM, ice_cream.PROBLEM])


def land_all(landing: LandingFolder) -> None:
    for month in umbrellas.PROBLEM.partitions.keys():  # noqa: SIM118
        landing.write(f"umbrellas/visits/{month}.parquet", umbrellas.visits(month))
    land_sales(landing, "ice_cream")


def land_sales(landing: LandingFolder, problem: str) -> None:
    """The sales of all beaches, for a problem that reads them as `ice_cream` does."""
    for beach in ice_cream.BEACHES:
        landing.write(f"{problem}/{beach.replace('/', '-')}.parquet", ice_cream.sales(beach))


def why(failed: dg.DagsterEvent) -> str:
    """The innermost error of a failed step, with the lines that led to it."""
    error = failed.step_failure_data.error
    while error.cause is not None:
        error = error.cause
    return f"{error.cls_name}: {error.message}\n{''.join(error.stack[-3:])}"
