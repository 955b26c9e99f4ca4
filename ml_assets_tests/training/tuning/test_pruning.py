"""When a trial is given up."""

from __future__ import annotations

import pytest

from ml_assets.errors import Pruned
from ml_assets.training.run import Run
from ml_assets.training.tuning.pruning import TrialRun, bar, best_until

FOUR = [tuple((step, level + 8.0 / step) for step in range(1, 9)) for level in (1.0, 2.0, 3.0, 4.0)]


def watched(limit, prune_on: str = "loss") -> TrialRun:
    return TrialRun.of(Run(0, lambda line: None), prune_on, limit)


def test_there_is_no_bar_before_four_trials_have_been_heard():
    assert bar(FOUR[:3]) == ()
    assert bar([*FOUR[:3], ()]) == ()


def test_the_bar_is_the_median_of_the_best_so_far_after_a_warm_up():
    found = dict(bar(FOUR))
    assert min(found) == 2  # a quarter of eight steps
    assert found[4] == pytest.approx((2.0 + 3.0) / 2 + 2.0)


def test_a_trial_that_ended_early_counts_with_its_best():
    assert dict(bar([*FOUR[:3], ((1, 0.5),)]))[8] == pytest.approx((1.0 + 2.0) / 2 + 1.0)


def test_a_noisy_step_is_forgiven_by_the_best_so_far():
    assert best_until(((1, 2.0), (2, 9.0)), 2) == 2.0
    assert best_until(((3, 2.0),), 2) is None


def test_a_trial_worse_than_the_bar_is_given_up_and_told_why():
    run = watched(bar(FOUR))
    run.log(1, loss=99.0)
    with pytest.raises(Pruned, match=r"after step 2: the best loss was 50, and half of the earlier trials had 6\.5 or"):
        run.log(2, loss=50.0)
    assert run.history.to_json()["loss"] == [99.0, 50.0]


def test_the_best_trial_is_never_given_up():
    run = watched(bar(FOUR))
    for step, value in FOUR[0]:
        run.log(step, loss=value)


def test_steps_between_those_of_the_bar_are_held_against_the_last_one():
    run = watched(((2, 5.0), (10, 1.0)))
    run.log(9, loss=4.0)
    with pytest.raises(Pruned):
        run.log(11, loss=4.0)


def test_other_metrics_prune_nothing():
    watched(bar(FOUR)).log(8, accuracy=1e9)


def test_a_trial_whose_metric_was_never_a_number_is_given_up():
    with pytest.raises(Pruned, match="the best loss was none"):
        watched(bar(FOUR)).log(3, loss=float("nan"))
