from __future__ import annotations

import json
import math

import numpy as np

from ml_assets.training.history import MOST_POINTS, History, curves
from ml_assets.training.run import Run


def history(*logged: tuple[int, dict[str, float]]) -> History:
    made = History()
    for step, metrics in logged:
        made.add(step, metrics)
    return made


def test_what_a_run_logs_is_kept_as_columns():
    run = Run(0, report=lambda line: None)
    run.log(0, train_loss=0.7, validation_loss=np.float32(0.5))
    run.log(10, train_loss=0.6)
    assert run.history.to_json() == {"step": [0, 10], "train_loss": [0.7, 0.6], "validation_loss": [0.5, None]}


def test_two_runs_do_not_share_what_they_logged():
    one, other = (Run(0, report=lambda line: None) for _ in range(2))
    one.log(1, loss=1.0)
    assert other.history.to_json() == {}


def test_a_long_training_keeps_its_shape_its_first_and_its_last_point():
    long = history(*((step, {"loss": 1 / (step + 1)}) for step in range(12_345)))
    kept = long.to_json()
    assert 90 <= len(kept["step"]) <= MOST_POINTS
    assert (kept["step"][0], kept["step"][-1]) == (0, 12_344)
    assert kept["loss"] == [1 / (step + 1) for step in kept["step"]]
    assert len(set(np.diff(kept["step"][:-1]))) == 1, "evenly"


def test_a_number_logged_rarely_is_not_thinned_with_the_frequent_ones():
    steps = [(step, {"loss": 0.0} | ({"score": step} if step % 1_001 == 1_000 else {})) for step in range(10_010)]
    assert len(curves(history(*steps).to_json())["score"]) == 10


def test_what_is_not_finite_is_null_and_left_out_of_the_curve():
    kept = history((0, {"loss": 1.0}), (1, {"loss": math.nan}), (2, {"loss": math.inf}), (3, {"loss": 0.5})).to_json()
    assert json.loads(json.dumps(kept, allow_nan=False)) == {"step": [0, 1, 2, 3], "loss": [1.0, None, None, 0.5]}
    assert curves(kept) == {"loss": [(0, 1.0), (3, 0.5)]}


def test_a_step_that_is_logged_again_counts_as_it_was_last():
    assert history((0, {"loss": 1.0}), (0, {"loss": 2.0})).to_json() == {"step": [0], "loss": [2.0]}


def test_nothing_logged_is_nothing_kept():
    assert History().to_json() == {}
    assert curves({}) == {}
