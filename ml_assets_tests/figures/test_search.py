from __future__ import annotations

from ml_assets.figures.search import search_report


def test_trials_are_counted_in_whole_numbers():
    scores = [(0.0, 5.1), (1.0, 10.1), (2.0, 11.6), (3.0, 8.7), (4.0, 3.1)]
    figure = search_report(scores, scores, [("hidden", 1.0)], "mae")
    figure.canvas.draw()
    history, _ = figure.axes

    assert [at for at in history.get_xticks() if at != int(at)] == []
