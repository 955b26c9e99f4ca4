from __future__ import annotations

from ml_assets.figures.search import search_report


def test_trials_are_points_and_the_best_so_far_is_held_until_a_better_one():
    scores = [(0.0, 5.1), (1.0, 10.1), (2.0, 11.6), (3.0, 8.7)]
    best = [(0.0, 5.1), (1.0, 10.1), (2.0, 11.6), (3.0, 11.6)]
    history, mattered = search_report(scores, best, [("hidden", 1.0)], "mae").panels

    trials, line = history.lines
    assert (trials.style, list(trials.points)) == ("points", scores)
    assert (line.steps, list(line.points)) == (True, best)
    assert mattered.bars.names == ("hidden",)
