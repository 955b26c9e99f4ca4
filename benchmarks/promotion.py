"""Do promotions hold? What `Better` promotes among flight models, month by month, and what came of it in the next month.

    python -m benchmarks.promotion [folder]

Models are trained for every window of 2013, real flights, and kept in the folder (a temporary one unless given). Asked are

    other seeds      one recipe, five seeds: whatever is promoted is a false alarm
    near-equal       six recipes of about the same quality: a promotion is worth little
    real gain        all features against half of them: should be promoted

by rules that take rows, days, or windows for independent. *worse* are the promoted that were worse in the month that followed.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before scikit-learn is loaded: trees are the same with any number

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise, permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from ml_assets.evaluation.calibration import Window, decisions_about
from ml_assets.evaluation.intervals import improvement
from ml_assets.evaluation.metrics import AUROC, AVERAGE_PRECISION, value
from ml_assets.evaluation.units import single_rows, units_of
from ml_assets.problem import Better, FeatureTable, TrainingData
from ml_assets.problems.flight_delays import PROBLEM
from ml_assets.problems.flight_delays.model import HistGBParams
from ml_assets.training.model import fit, predict
from ml_assets.training.rows import feature_table
from ml_assets.training.run import Run
from ml_assets.training.split import TEST, assign_roles, rows_of, training_data
from ml_assets_tests.doubles.windows import window as joined
from ml_assets_tests.problems.flights.landing import month_of_flights

MONTHS = [f"2013-{month:02}" for month in range(1, 13)]
WRITTEN = HistGBParams()
NEAR = {
    "as written": WRITTEN,
    "slower": replace(WRITTEN, learning_rate=0.06, max_iter=200),
    "faster": replace(WRITTEN, learning_rate=0.11),
    "more leaves": replace(WRITTEN, max_leaf_nodes=21),
    "small leaves": replace(WRITTEN, min_samples_leaf=120),
    "less regular": replace(WRITTEN, l2_regularization=1.0, max_features=0.4),
}
SEEDS = range(5)
HALF, WHOLE = "half of the features", "as written"


@dataclass(frozen=True)
class Recipe:
    """What is trained: parameters, a seed, and whether on every other feature alone."""

    name: str
    params: HistGBParams = WRITTEN
    seed: int = PROBLEM.seed
    half: bool = False


RECIPES = (
    *(Recipe(name, params) for name, params in NEAR.items()),
    *(Recipe(f"seed {seed}", seed=seed) for seed in SEEDS),
    Recipe(HALF, half=True),
)
ROW = "{:14} {:38} {:>18} {:>18} {:>12}"


def main(folder: Path) -> None:
    """Print the tables, and whether what is wanted is reached."""
    months = MONTHS[2:]
    judged = [Window(month, *_judging(month, folder)) for month in months]
    later = {month: _answers_later(month, after, folder) for month, after in pairwise(MONTHS) if month in months}
    for metric in (AVERAGE_PRECISION, AUROC):
        print(f"\n{metric.name}, {len(months)} windows")
        print(ROW.format("asked of", "rule", "promoted", "worse later", "mean gain"))
        for asked, pairs in groups().items():
            for name, rule, windows in rules(metric, judged):
                print(ROW.format(asked, name, *outcome(rule, windows, pairs, later)), flush=True)


def groups() -> dict[str, list[tuple[str, str]]]:
    """The ordered pairs that are asked about: challenger, champion."""
    return {
        "other seeds": list(permutations([f"seed {seed}" for seed in SEEDS], 2)),
        "near-equal": list(permutations(NEAR, 2)),
        "real gain": [(WHOLE, HALF)],
    }


def rules(metric, judged: Sequence[Window]) -> Iterator[tuple[str, Better, Sequence[Window]]]:
    """What is compared: each rule, and the windows with the units that it takes for independent."""
    by_rows = [replace(window, units=(single_rows(len(window.label)),)) for window in judged]
    yield "one window, rows (as it was)", Better(metric), by_rows
    yield "one window, days", Better(metric), judged
    yield from ((f"{k} windows", Better(metric, windows=k), judged) for k in (3, 4, 5))


def outcome(rule: Better, windows: Sequence[Window], pairs, later) -> tuple[str, str, str]:
    """How many were promoted, how many of those were worse in the month after, and their mean gain there."""
    promoted, decided, gains = 0, 0, []
    for pair in pairs:
        ends = windows[rule.windows - 1 :]
        for window, found in zip(ends, decisions_about(rule, windows, pair), strict=True):
            decided += 1
            if found.confidence < rule.confidence:
                continue
            promoted += 1
            if window.partition in later:
                label, answers = later[window.partition]
                gains.append(improvement(rule.metric, *(value(rule.metric, label, answers[who]) for who in pair)))
    worse = sum(gain < 0 for gain in gains)
    share = f"{promoted / decided:.1%} ({promoted}/{decided})"
    if not gains:
        return share, "", ""
    return share, f"{worse / len(gains):.0%} ({worse}/{len(gains)})", f"{np.mean(gains):+.4f}"


# ---------------------------------------------------------------- models


@cache
def features(month: str) -> FeatureTable:
    """Of a month, with the one before it at hand."""
    before = MONTHS[max(0, MONTHS.index(month) - PROBLEM.lookback) : MONTHS.index(month)]
    return feature_table(PROBLEM, [month_of_flights(one) for one in before], month_of_flights(month))


@cache
def window_of(month: str) -> tuple[TrainingData, FeatureTable]:
    """What trains and what judges."""
    tables = {one: features(one) for one in PROBLEM.partitions.window(month, PROBLEM.window)}
    table = joined(tables)
    roles = assign_roles(PROBLEM, table, {one: len(of) for one, of in tables.items()})
    return training_data(table, roles), rows_of(table, roles, TEST)


def _judging(month: str, folder: Path):
    data, test = window_of(month)
    answers = {recipe.name: Asked(recipe, month, folder).answers("test", data, test) for recipe in RECIPES}
    return test.label, units_of(PROBLEM, test), len(data.train), answers


def _answers_later(month: str, after: str, folder: Path):
    """What the models of a month say of the month that followed, where the outcome is known."""
    rows = features(after)
    rows = rows.rows(~np.isnan(rows.label))
    data, _ = window_of(month)
    return rows.label, {one.name: Asked(one, month, folder).answers("later", data, rows) for one in RECIPES}


@dataclass(frozen=True)
class Asked:
    """The model of a recipe and a window; what it answered is kept in the folder."""

    recipe: Recipe
    month: str
    folder: Path

    def answers(self, of: str, data: TrainingData, rows: FeatureTable) -> np.ndarray:
        """Predictions (n,)."""
        path = self.folder / f"{self.recipe.name} {self.month} {of}.npy"
        if not path.exists():
            np.save(path, predict(PROBLEM, self._model(data), seen(self.recipe, rows.features)))
        return np.load(path)

    def _model(self, data: TrainingData):
        key = (self.recipe.name, self.month)
        if key not in _MODELS:
            parts = (replace(part, features=seen(self.recipe, part.features)) for part in (data.train, data.validation))
            _MODELS[key] = fit(
                PROBLEM, TrainingData(*parts), self.recipe.params, Run(self.recipe.seed, lambda said: None)
            )
        return _MODELS[key]


_MODELS: dict[tuple[str, str], object] = {}


def seen(recipe: Recipe, table: pd.DataFrame) -> pd.DataFrame:
    """The features, or half of them: every other one that is a number, of which one value is left."""
    if not recipe.half:
        return table
    numbers = list(table.select_dtypes("number"))[::2]
    return table.assign(**dict.fromkeys(numbers, 0.0))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as made:
            main(Path(made))
