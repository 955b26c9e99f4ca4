"""One trial: what comes of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import Interrupted, Pruned, SearchFailed
from ml_assets.problem import FeatureTable
from ml_assets.training.model import TrainedModel
from ml_assets.training.run import Run
from ml_assets.training.tuning.study import best_of, table_of
from ml_assets.training.tuning.trial import Result, Trial, tried
from ml_assets_tests.doubles.ice_cream import Line
from ml_assets_tests.doubles.tuned import LEMONADE, TUNING

ROWS = FeatureTable(pd.DataFrame({"day": ["a", "b"]}), pd.DataFrame({"celsius": [10.0, 20.0]}), np.array([10.0, 22.0]))


def came_of(train) -> Result:
    run = Run(0, lambda line: None)
    return tried(LEMONADE, ROWS, lambda: train(run), run, "loss")


def model(run: Run) -> TrainedModel:
    run.log(3, loss=0.5, other=1.0)
    return TrainedModel(Line(1.0, 0.0), ("celsius",), ("float64",))


def raising(error: BaseException):
    def train(run: Run) -> TrainedModel:
        run.log(2, loss=0.7)
        raise error

    return train


def test_a_completed_trial_has_the_score_of_the_rows_that_choose():
    assert came_of(model) == Result("completed", 1.0, 3, ((3, 0.5),))


@pytest.mark.parametrize("error", [ValueError("no"), ZeroDivisionError("no"), RuntimeError("no")])
def test_a_training_that_its_parameters_break_is_a_failed_trial(error):
    assert came_of(raising(error)) == Result("failed", None, 2, ((2, 0.7),), f"{type(error).__name__}: no")


class AcceleratorError(RuntimeError):
    """As torch calls what a GPU or its driver did."""


def test_only_the_first_line_of_a_failure_is_remembered_what_follows_differs_each_time():
    assert came_of(raising(ValueError("no\nin process 4711"))).why == "ValueError: no"


@pytest.mark.parametrize(
    "error", [TypeError("no"), KeyError("no"), Interrupted("no"), MemoryError(), AcceleratorError("no")]
)
def test_a_mistake_in_the_code_and_a_machine_that_is_taken_away_end_the_step(error):
    with pytest.raises(type(error)):
        came_of(raising(error))


def test_a_pruned_trial_keeps_its_curve():
    assert came_of(raising(Pruned("enough"))) == Result("pruned", None, 2, ((2, 0.7),), "enough")


def test_a_score_that_is_no_number_is_a_failure():
    def nowhere(run: Run) -> TrainedModel:
        return TrainedModel(Line(float("nan"), 0.0), ("celsius",), ("float64",))

    assert came_of(nowhere).why == "its mae on the validation rows is no number"


def test_a_result_is_the_same_after_it_was_stored():
    assert Result.of_json(came_of(model).to_json()) == came_of(model)


def test_the_best_of_equals_is_the_first():
    trials = [Trial(n, {}, (), Result("completed", score)) for n, score in enumerate([3.0, 1.0, 1.0])]
    assert best_of(LEMONADE, trials).number == 1


def test_a_search_without_any_score_says_what_went_wrong_first():
    trials = [Trial(n, {}, (), Result("failed", why=why)) for n, why in enumerate(["ValueError: sour.", "another."])]
    with pytest.raises(SearchFailed, match=r"none of 2 trials came to a score. The first: ValueError: sour\. Mend"):
        best_of(LEMONADE, trials)


def test_the_table_has_a_row_for_each_trial_and_a_column_for_each_parameter():
    trials = [Trial(n, {"ridge": float(n)}, (), Result("completed", 1.0)) for n in range(3)]
    told = table_of(TUNING, trials)
    assert list(told["params.ridge"]) == [0.0, 1.0, 2.0]
    assert list(told["round"]) == [1, 1, 2]
