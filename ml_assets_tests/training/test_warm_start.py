from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import SGDClassifier

from ml_assets.errors import Interrupted, InvalidProblem, UnsupportedType
from ml_assets.problem import Checkpoint
from ml_assets.store import check_storable, open_store
from ml_assets.training.run import Run
from ml_assets.training.warm_start import grow

CHANCE = np.random.default_rng(0)
X = CHANCE.normal(size=(300, 4))
Y = ((X[:, 0] + CHANCE.normal(size=300)) > 0).astype(int)

GROWING = {
    "histograms": lambda: HistGradientBoostingClassifier(
        max_iter=25, warm_start=True, random_state=3, max_features=0.5
    ),
    "histograms that stop early": lambda: HistGradientBoostingRegressor(
        max_iter=400, warm_start=True, random_state=3, early_stopping=True, n_iter_no_change=12, learning_rate=0.3
    ),
    "boosting": lambda: GradientBoostingRegressor(n_estimators=25, warm_start=True, random_state=3, subsample=0.5),
    "a forest": lambda: RandomForestClassifier(n_estimators=25, warm_start=True, random_state=3),
}


class InStore:
    """Checkpoints in a store on disk."""

    def __init__(self, folder: Path) -> None:
        self.log = open_store(str(folder)).checkpoints("c" * 64)

    def latest(self) -> Checkpoint | None:
        found = self.log.latest()
        return Checkpoint(found.step, found.state) if found else None

    def is_due(self, step: int) -> bool:
        return False

    def save(self, step: int, state: Mapping[str, Any]) -> None:
        self.log.save(step, state)


def quiet(**more: Any) -> Run:
    return Run(0, lambda line: None, **more)


def answer(estimator: Any) -> np.ndarray:
    return estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else estimator.predict(X)


@pytest.mark.parametrize("name", GROWING)
def test_a_resumed_ensemble_equals_one_that_was_not_interrupted(tmp_path: Path, name: str):
    for _ in range(2):
        with pytest.raises(Interrupted):
            grow(GROWING[name](), X, Y, quiet(checkpoints=InStore(tmp_path), asked_to_stop=lambda: True), chunk=5)
    assert InStore(tmp_path).latest().step == 10

    again, once = quiet(checkpoints=InStore(tmp_path)), quiet()
    resumed = grow(GROWING[name](), X, Y, again, chunk=5)

    assert np.array_equal(answer(resumed), answer(grow(GROWING[name](), X, Y, once, chunk=5)))
    assert again.history.to_json() == once.history.to_json(), "a trial is judged by its whole curve"


def test_an_ensemble_that_stops_early_has_fewer_trees_than_it_may():
    grown = grow(GROWING["histograms that stop early"](), X, Y, quiet(), chunk=5)

    assert grown.n_iter_ < 400
    assert grown.max_iter == 400


@pytest.mark.parametrize("name", ["boosting", "a forest"])
def test_to_grow_in_chunks_equals_to_fit_at_once(name: str):
    assert np.array_equal(answer(grow(GROWING[name](), X, Y, quiet(), chunk=7)), answer(GROWING[name]().fit(X, Y)))


def test_what_grows_is_logged():
    run = quiet()
    grow(GROWING["boosting"](), X, Y, run, chunk=10)
    logged = run.history.to_json()

    assert logged["step"] == logged["trees"] == [10, 20, 25]
    assert logged["train_loss"] == sorted(logged["train_loss"], reverse=True)


@pytest.mark.parametrize(
    "estimator",
    [
        SGDClassifier(warm_start=True, random_state=0),
        HistGradientBoostingClassifier(random_state=0),
        RandomForestClassifier(warm_start=True),
    ],
    ids=["no trees", "no warm start", "no seed"],
)
def test_what_cannot_go_on_exactly_is_refused(estimator: Any):
    with pytest.raises(InvalidProblem, match=r"cannot be saved while it grows.*warm_start=True"):
        grow(estimator, X, Y, quiet())


def test_an_estimator_that_could_not_be_stored_is_refused_before_its_first_tree() -> None:
    unstorable = HistGradientBoostingClassifier(max_iter=25, warm_start=True, random_state=3, monotonic_cst=object())
    with pytest.raises(UnsupportedType, match=r"builtins\.object"):
        grow(unstorable, X, Y, quiet(storable=check_storable))
    assert not hasattr(unstorable, "classes_")
