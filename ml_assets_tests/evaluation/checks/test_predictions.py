from __future__ import annotations

from ml_assets.evaluation.checks import served


def test_who_predicts_is_named():
    found = served("2013-02", "flight_delays/model@2013-01:960cb01bdd7c", "2013-02-01T08:00")
    assert found.passed
    assert found.description == (
        "2013-02 is predicted by flight_delays/model@2013-01:960cb01bdd7c, champion since 2013-02-01T08:00."
    )


def test_before_the_first_champion_nobody_predicts_and_nothing_is_blocked():
    found = served("2013-01", None)
    assert (found.name, found.passed, found.blocking) == ("served", False, False)
    assert (
        found.description
        == "2013-01 is predicted by nobody: no champion was known before it (at a problem's beginning there is none)."
    )
