"""Letters: parcels that are answered in a moment; models trained, judged and crowned without Dagster, as a server finds them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ml_assets.artifacts import trust_all
from ml_assets.evaluation.judgement import Judgement
from ml_assets.problem import FeatureTable, Problem
from ml_assets.promotion.ledger import Crowning, Ledger, Move
from ml_assets.promotion.unseen import judging_rows, scored_by
from ml_assets.store import Handle, Input, Manifest, Store, VersionKey
from ml_assets_tests.doubles import parcels


@dataclass(frozen=True)
class SlopeParams:
    slope: float = 1.0


def predict(model: dict[str, float], features: Any) -> np.ndarray:
    heavy = features["weight"].fillna(0).to_numpy() + (features["size"] == "L").to_numpy()
    return 1 / (1 + np.exp(-model["slope"] * (features["stops"].to_numpy() - 4 + 0.1 * heavy)))


PROBLEM = replace(
    parcels.PROBLEM,
    name="letters",
    train=lambda data, params, run: {"slope": params.slope},
    predict=predict,
    params=SlopeParams(),
)
NAME = f"letters@{parcels.PARTITION}"
"""Under which letters are asked: each partition has a champion of its own."""


def judged(store: Store, problem: Problem = PROBLEM, table: FeatureTable | None = None, **params: Any) -> VersionKey:
    """A model, and an evaluation of it."""
    trust_all([problem])
    key = parcels.publish(store, replace(problem, params=replace(problem.params, **params)), table or parcels.binary())
    evaluate(store, key, problem)
    return key


def evaluate(store: Store, key: VersionKey, problem: Problem = PROBLEM, changed: float = 0.0) -> VersionKey:
    """What a model says of its test rows, as a run records it; ``changed`` makes the record another."""
    model = Handle(store, key, "model")
    scored = scored_by(problem, model, judging_rows(model.input("split")))
    said = {name: scored[name] + changed for name in scored if name.startswith("prediction")}
    content = store.put(Judgement({}, scored.assign(**said)))
    inputs = (Input("model", key, model.digest),)
    at = datetime.now(UTC).isoformat()
    manifest = Manifest(f"{problem.name}/evaluation", key.partition, content, inputs=inputs, created_at=at)
    return store.publish(manifest, why="for a test")[0]


def ledger(store: Store, problem: Problem = PROBLEM) -> Ledger:
    return Ledger(store, problem.name, parcels.PARTITION, in_time=False)


def crown(store: Store, key: VersionKey, kind: Crowning = "promotion", problem: Problem = PROBLEM) -> Move:
    of = ledger(store, problem)
    return of.enter(key, kind=kind, after=of.moves(), as_of=key.partition, why="for a test")
