"""A shop that asks every day who will come back: days that differ, and a model whose scores are made up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ml_assets.evaluation.metrics import AUROC, BRIER
from ml_assets.evaluation.scored_rows import scored_rows
from ml_assets.monitoring.reference import Reference
from ml_assets.monitoring.report import Span
from ml_assets.problem import FeatureTable, Monthly, Problem, RollingWindow
from ml_assets_tests.evaluation.toy import toy_problem

ROWS = 40  # a day
SPAN = Span("2024-03-01", "2024-03-31", 31.0)


def shop(**changes) -> Problem:
    """Binary, by day, with outcomes that become known two days later."""
    fields = {
        "partitions": Monthly(start="2024-01"),
        "split": RollingWindow(),
        "metrics": (AUROC, BRIER),
        "slices": ("town",),
        "event_time": "at",
        "label_time": "known_at",
    }
    return toy_problem(**(fields | changes))


@dataclass(frozen=True)
class Answered:
    """Rows and what the model says of them."""

    rows: FeatureTable
    prediction: np.ndarray

    def known_until(self, at: str) -> Answered:
        """With the outcomes that are known by then."""
        known = (self.rows.keys["known_at"] <= pd.Timestamp(at, tz="UTC")).to_numpy()
        return replace(self, rows=replace(self.rows, label=np.where(known, self.rows.label, np.nan)))


def days(first: str, count: int, seed: int, *, signal: float = 1.5) -> Answered:
    """So many days from ``first`` on; the higher ``signal``, the more the model knows."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(count), ROWS)
    at = pd.Timestamp(first, tz="UTC") + pd.to_timedelta(day * 24.0 + 8 + 8 * rng.random(len(day)), unit="h")
    spent = rng.normal(size=count)[day] * 0.3 + rng.normal(size=len(day))
    town = rng.choice(["Ulm", "Bonn"], size=len(day))
    score = 1 / (1 + np.exp(-1.5 * spent))
    chance = 1 / (1 + np.exp(-signal * spent - 0.2 * rng.normal(size=count)[day]))
    label = (rng.random(len(day)) < chance) * 1.0
    keys = pd.DataFrame(
        {
            "id": [f"{first} {seed} {row}" for row in range(len(day))],
            "at": at,
            "known_at": at + pd.Timedelta(days=2),
            "town": town,
        }
    )
    features = pd.DataFrame(
        {"spent": spent, "town": town, "since": at - pd.to_timedelta(rng.random(len(day)), unit="D")}
    )
    return Answered(FeatureTable(keys, features, label), score)


def reference(problem: Problem) -> Reference:
    """Two months that train, ten days that judge."""
    trained, judged = days("2024-01-01", 50, 1), days("2024-02-20", 10, 2)
    return Reference(trained.rows, scored_rows(problem, judged.rows, judged.prediction))
