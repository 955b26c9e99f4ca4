"""A tracking server is for all tests of a worker: each problem is an experiment, so each test names its problem anew."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest

from ml_assets.mirrors.server import Server
from ml_assets.mirrors.tracking import Told, tell, tracking_server
from ml_assets.promotion.ledger import Kind, Ledger
from ml_assets.store import Check, Input, Manifest, Store, VersionKey, open_store
from ml_assets_tests.doubles.mlflow_server import Seen, TrackingServer

_number = itertools.count()


@dataclass(frozen=True)
class Made:
    """A store with models and evaluations of a problem that nobody else has, and the server that is told of them."""

    problem: str
    store: Store
    address: str
    seen: Seen

    def model(self, partition: str = "2024-01", *, passes: bool = True, **told) -> VersionKey:
        made = Manifest(
            f"{self.problem}/model",
            partition,
            self.store.put(f"model {next(_number)}"),
            params=told.pop("params", {"depth": 3, "kind": "trees"}),
            resources={"wall_seconds": 2.0},
            checks=(Check("reloads", passes, True, "It answers as it did."),),
            run="dagster-run",
            created_at="2026-01-02T03:04:05.678+00:00",
            **told,
        )
        return self.store.publish(made, why="made")[0]

    def evaluation(self, model: VersionKey, minutes: float, at: str = "2026-01-02T03:05:00+00:00") -> VersionKey:
        """One that judged a model by a metric in minutes."""
        judged = Manifest(
            f"{self.problem}/evaluation",
            model.partition,
            self.store.put({"minutes": minutes}),
            inputs=(Input("model", model, "0" * 64),),
            code={"computation": {"code": "c0de" * 16, "settings": {"metrics[mae].unit": "minutes"}}},
            metrics={"mae": {"value": minutes, "low": minutes - 1, "high": None, "baseline": "Infinity"}},
            created_at=at,
        )
        return self.store.publish(judged, why="judged")[0]

    def enter(self, model: VersionKey, kind: Kind = "decision", line: str | None = None, why: str = "better") -> None:
        ledger = Ledger(self.store, self.problem, line)
        newest = max([model.partition or "", *(move.as_of or "" for move in ledger.moves())])  # by hand: of now
        ledger.enter(model, kind=kind, after=ledger.moves(), as_of=newest, why=why)

    def tell(self, address: str | None = None) -> Told:
        return tell(self.store, self.problem, self.server(address))

    def server(self, address: str | None = None) -> Server:
        return tracking_server(address or self.address)

    def another(self) -> Made:
        """The same of a problem of which nothing was made."""
        problem = f"problem_{next(_number)}"
        return Made(problem, self.store, self.address, Seen(self.address, problem))


@pytest.fixture
def made(mlflow: TrackingServer, tmp_path: Path) -> Made:
    nobodys = Made("", open_store(str(tmp_path / "store"), user="ada"), mlflow.address, Seen(mlflow.address, ""))
    return nobodys.another()
