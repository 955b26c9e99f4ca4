"""What a search tries next."""

from __future__ import annotations

import pytest

from ml_assets.problem import Range, Tuning
from ml_assets.training.tuning.suggestions import importance, rounds, suggest
from ml_assets.training.tuning.trial import Result, Trial

SPACE = {"rate": Range(1e-4, 1.0, log=True), "depth": Range(1, 9), "kind": ("a", "b")}
WRITTEN = {"rate": 0.1, "depth": 3, "kind": "a"}


def searched(tuning: Tuning, score, seed: int = 0, written=WRITTEN) -> list[Trial]:
    """All trials of a search whose scores are a function of the parameters; less is better."""
    trials: list[Trial] = []
    for numbers in rounds(tuning):
        tries = suggest(tuning, written, trials, len(numbers), seed=seed, higher_is_better=False)
        trials += [
            Trial(n, params, (), Result("completed", score(params))) for n, params in zip(numbers, tries, strict=True)
        ]
    return trials


def distance(params) -> float:
    return abs(params["depth"] - 7) + 0.01 * params["rate"]


def test_rounds_are_as_many_trials_at_a_time_as_asked_and_the_last_has_the_rest():
    assert rounds(Tuning(SPACE, trials=7, parallel=3)) == [range(3), range(3, 6), range(6, 7)]


def test_the_same_seed_tries_the_same_and_another_seed_something_else():
    tuning = Tuning(SPACE, trials=16, parallel=4)
    first, again, other = (searched(tuning, distance, seed) for seed in (0, 0, 7))
    assert first == again
    assert [trial.params for trial in first] != [trial.params for trial in other]


def test_a_longer_search_begins_with_the_trials_of_the_shorter_one():
    short, long = (searched(Tuning(SPACE, trials=n, parallel=4), distance) for n in (8, 16))
    assert long[:8] == short


def test_the_order_in_which_the_space_is_written_changes_nothing():
    other = dict(reversed(SPACE.items()))
    assert searched(Tuning(SPACE, trials=4), distance) == searched(Tuning(other, trials=4), distance)


def test_the_first_trial_is_what_is_written():
    assert searched(Tuning(SPACE, trials=4), distance)[0].params == WRITTEN


def test_what_is_written_outside_of_the_space_is_not_tried():
    trials = searched(Tuning(SPACE, trials=8, parallel=4), distance, written={**WRITTEN, "depth": 12})
    assert all(1 <= trial.params["depth"] <= 9 for trial in trials)


def test_trials_stay_in_the_space_and_have_its_types():
    for trial in searched(Tuning(SPACE, trials=16, parallel=4), distance):
        assert 1e-4 <= trial.params["rate"] <= 1.0
        assert type(trial.params["depth"]) is int
        assert trial.params["kind"] in ("a", "b")


def test_later_rounds_look_where_it_was_good():
    trials = searched(Tuning(SPACE, trials=48, parallel=4), distance)
    assert sum(abs(trial.params["depth"] - 7) <= 1 for trial in trials[24:]) > 12


def test_the_parameter_that_decides_is_the_important_one():
    tuning = Tuning(SPACE, trials=24, parallel=4)
    shares = importance(tuning, searched(tuning, distance), higher_is_better=False)
    assert next(iter(shares)) == "depth"
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)


def test_importance_of_scores_that_are_all_the_same_is_unknown():
    tuning = Tuning(SPACE, trials=4)
    assert importance(tuning, searched(tuning, lambda params: 1.0), higher_is_better=False) == {}


def test_failed_and_pruned_trials_are_told_too():
    tuning = Tuning(SPACE, trials=8, parallel=2)
    failed = [Trial(0, WRITTEN, (), Result("failed", why="no")), Trial(1, WRITTEN, (), Result("pruned", why="no"))]
    assert len(suggest(tuning, WRITTEN, failed, 2, seed=0, higher_is_better=True)) == 2
