"""A problem and rows to judge, small enough to check by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from ml_assets.evaluation.metrics import AUROC, BRIER
from ml_assets.problem import Better, EntityHash, FeatureTable, Problem, Static


@dataclasses.dataclass(frozen=True)
class NoParams:
    pass


def _unused(*_):
    raise AssertionError("judging calls none of a problem's functions")


def toy_problem(**changes) -> Problem:
    fields = {
        "name": "toy",
        "task": "binary",
        "partitions": Static(("all",)),
        "entity": "id",
        "label": "late",
        "split": EntityHash(),
        "params": NoParams(),
        "metrics": (AUROC, BRIER),
        "promote_when": Better(AUROC),
    }
    functions = dict.fromkeys(("dataset", "schema", "features", "train", "predict", "baseline"), _unused)
    return Problem(**(functions | fields | changes))


def toy_rows(n: int = 300) -> FeatureTable:
    """Every third label is 1; ``origin`` is EWR for the first 60 %, then JFK, LGA for the last 10 rows."""
    at = np.arange(n)
    origin = np.where(at < 0.6 * n, "EWR", np.where(at < n - 10, "JFK", "LGA"))
    keys = pd.DataFrame({"id": [f"f{i}" for i in at], "origin": origin})
    return FeatureTable(keys, pd.DataFrame({"hour": at % 24}), (at % 3 == 0).astype(float))


def noisy(rows: FeatureTable, signal: float, seed: int = 0) -> np.ndarray:
    """Probabilities that know the label more, the higher ``signal`` is (0 to 1)."""
    noise = np.random.default_rng(seed).random(len(rows))
    return signal * rows.label + (1 - signal) * noise
