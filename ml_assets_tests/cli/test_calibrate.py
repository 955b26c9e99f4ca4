"""`ml-assets calibrate-promotion`: trained on a branch nobody reads, measured, kept."""

from __future__ import annotations

from ml_assets.store import MAIN
from ml_assets_tests.doubles import umbrellas


def test_equals_are_trained_once_measured_and_kept_and_no_champion_is_touched(project, call, edited):
    edited(params=umbrellas.LogisticParams(shuffle_label=True))
    before = [key for key in project.backend.list("refs") if key.startswith(f"refs/{MAIN}/")]
    answer = call("calibrate-promotion", "umbrellas", "--seeds", "2", "--jobs", "1")

    assert answer.code == 0, answer.err
    assert answer.lines[0] == "umbrellas: auroc, confidence 0.95, 1 window"
    assert answer.lines[1].startswith("the rule promotes ")
    assert "of challengers that are no better, as measured with 2 seeds over 3 windows" in answer.lines[1]
    assert answer.lines[-2].startswith("smallest gain that is found four times in five: ")
    after = [key for key in project.backend.list("refs") if key.startswith(f"refs/{MAIN}/")]
    assert [key for key in after if key not in before] == [f"refs/{MAIN}/umbrellas/calibration/_/0000000001.json"]

    models = len(project.versions("umbrellas/model"))
    again = call("calibrate-promotion", "umbrellas", "--seeds", "2", "--json")
    assert (again.code, again.json["false_alarms"]["of"], again.json["recipes"]) == (0, 6, 2)
    assert len(project.versions("umbrellas/model")) == models


def test_what_no_seed_changes_is_not_measured(project, call):
    answer = call("calibrate-promotion", "umbrellas", "--seeds", "2", "--jobs", "1")
    assert answer.code == 3
    assert "models of all seeds give the same answers" in answer.err
    assert project.head("umbrellas/calibration", None) is None


def test_one_seed_is_refused(own, call):
    answer = call("calibrate-promotion", "umbrellas", "--seeds", "1")
    assert answer.code == 2
    assert "models are compared with each other, so give 2 or more" in answer.err
