"""The whole report: of a quiet month, of months that are not, before and after outcomes, and of problems without days."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import InvalidPrediction
from ml_assets.evaluation.metrics import ACCURACY, MAE, RMSE
from ml_assets.evaluation.scored_rows import scored_rows
from ml_assets.monitoring.monitor import monitor
from ml_assets.monitoring.reference import Reference
from ml_assets.monitoring.report import Report, Span
from ml_assets.problem import Better, FeatureTable
from ml_assets_tests.evaluation.toy import noisy, toy_problem, toy_rows
from ml_assets_tests.monitoring.toy import ROWS, SPAN, Answered, days, reference, shop

SHOP = shop()
REFERENCE = reference(SHOP)
MARCH = days("2024-03-01", 31, 3)


def report(of: Answered, **changes) -> Report:
    return monitor(SHOP, changes.pop("reference", REFERENCE), of.rows, of.prediction, SPAN, **changes)


def test_a_quiet_month_raises_nothing_and_was_estimated_before_it_was_known():
    before, after = report(MARCH.known_until("2024-03-01")), report(MARCH)
    assert (before.labelled, before.realised, before.realised_untold) == (0, {}, "no outcome is known yet")
    assert before.performance.untold == "no outcome is known yet"
    assert after.alarms == before.alarms == ()
    assert before.estimated == after.estimated
    for name, guess in before.estimated.items():
        assert guess.low <= after.realised[name].value <= guess.high
    assert (len(after.moments), after.moments[0].at, after.moments[0].rows) == (31, "2024-03-01", ROWS)
    assert [one.value for one in after.slices] == ["Bonn", "Ulm"]
    assert sum(one.rows for one in after.calibration) == after.labelled == 31 * ROWS
    assert after.rate == pytest.approx(0.05 * 31 / 365)
    assert after.features[0].evidence.threshold == pytest.approx(np.log10(3 * 3 / after.rate))


def test_a_broken_feature_is_named_on_its_day_and_in_its_moment():
    broken = MARCH.rows.keys["at"] >= pd.Timestamp("2024-03-12", tz="UTC")
    features = MARCH.rows.features.assign(spent=MARCH.rows.features["spent"].mask(broken, 0.0))
    found = report(replace(MARCH, rows=replace(MARCH.rows, features=features)))
    (spent,) = (one for one in found.features if one.evidence.alarm)
    assert (spent.name, spent.evidence.first) == ("spent", "2024-03-12")
    assert [one.at for one in found.moments if one.features_moved == ("spent",)] == ["2024-03-12"]
    assert found.alarms == (spent.sentence,)
    assert found.drift == spent.psi_corrected


def test_times_are_judged_by_how_long_before_the_event_they_are():
    (since,) = (one for one in report(MARCH).features if one.name == "since")
    assert (since.kind, since.evidence.alarm, since.out_of_range < 0.01) == ("time", False, True)


def test_scores_that_moved_and_a_model_that_knows_less_are_alarms_of_their_own():
    worse = days("2024-03-01", 31, 3, signal=-0.5)
    found = report(worse)
    assert (found.performance.alarm, found.performance.what) == (True, "auroc")
    assert "The model is worse than promised" in found.alarms[0]
    moved = report(replace(MARCH, prediction=np.where(MARCH.rows.keys["at"].dt.day >= 9, 0.999, MARCH.prediction)))
    assert [(one.name, one.evidence.first) for one in moved.scores if one.evidence.alarm] == [
        ("prediction", "2024-03-09")
    ]


def test_outcomes_that_arrive_later_change_no_day_of_performance_that_was_looked_at():
    early, late = (report(MARCH.known_until(at)).performance for at in ("2024-03-15", "2024-03-25"))
    assert early.at == late.at[: len(early.at)]
    assert early.by_day == pytest.approx(late.by_day[: len(early.by_day)], abs=0.02)
    assert early.at[0] == "2024-03-03"  # known two days after


def test_a_report_survives_json_with_all_that_is_undefined_in_it():
    one_class = replace(MARCH, rows=replace(MARCH.rows, label=np.zeros(len(MARCH.rows))))
    for found in (report(MARCH), report(one_class), report(MARCH.known_until("2024-03-01"))):
        plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
        assert repr(Report.from_json(plain)) == repr(found)
    assert np.isnan(report(one_class).realised["auroc"].value)
    assert report(one_class).performance.untold == "auroc is not known of any day"


def test_a_month_without_rows_says_so():
    nobody = Answered(MARCH.rows.rows(np.zeros(len(MARCH.rows), dtype=bool)), np.empty(0))
    found = report(nobody)
    assert (found.rows, found.moments, found.alarms) == (0, (), ())
    assert {one.evidence.untold for one in (*found.features, *found.scores)} == {"there are no rows"}
    assert found.estimated_untold == {"auroc": "there are no rows", "brier": "there are no rows"}


def test_predictions_of_other_rows_are_refused():
    with pytest.raises(InvalidPrediction):
        report(replace(MARCH, prediction=MARCH.prediction[:-1]))


@pytest.mark.parametrize("group", [None, "customer"], ids=["rows", "groups"])
def test_where_there_is_no_time_a_report_is_one_look(group):
    problem = toy_problem(group=group, slices=("origin",))
    rows = toy_rows(3_000)
    customers = rows.keys.assign(customer=np.arange(len(rows)) // 30)
    rows = replace(
        rows, keys=customers, features=rows.features.assign(noise=np.random.default_rng(0).random(len(rows)))
    )
    first, second, third = (rows.rows((customers["customer"] % 3 == part).to_numpy()) for part in range(3))
    scored = scored_rows(problem, second, noisy(second, 0.2))
    found = monitor(problem, Reference(first, scored), third, noisy(third, 0.2, seed=1), Span("", "", 30.0))
    assert (found.unit, len(found.moments), found.moments[0].at) == ((group and "group") or "row", 1, "")
    assert found.performance.untold == ""
    assert not [one for one in found.features if one.name == "noise" and one.evidence.alarm]


def test_of_several_classes_and_of_values_with_intervals_there_are_reports():
    rng = np.random.default_rng(0)
    label = MARCH.rows.label + 2 * (rng.random(len(MARCH.rows)) < 0.3)
    several = shop(task="multiclass", metrics=(ACCURACY,), slices=(), promote_when=Better(ACCURACY))
    said = rng.dirichlet([1, 1, 1, 1], size=len(label))
    rows = replace(MARCH.rows, label=label)
    held = Reference(MARCH.rows, scored_rows(several, rows, said))
    found = monitor(several, held, rows, said, SPAN)
    assert {one.name for one in found.scores if not one.evidence.untold} == {f"prediction_{k}" for k in range(4)}
    assert {"accuracy"} == {*found.realised} == {*found.estimated}

    values = shop(task="regression", metrics=(MAE, RMSE), slices=(), promote_when=Better(MAE))
    spent = MARCH.rows.features["spent"].to_numpy()
    said = np.stack([spent, spent - 1, spent + 1], axis=1)
    rows = FeatureTable(MARCH.rows.keys, MARCH.rows.features, spent + rng.normal(size=len(spent)))
    held = Reference(rows, scored_rows(values, rows, said), rows.features)
    found = monitor(values, held, rows, said, SPAN)
    assert {one.name for one in found.scores} == {"prediction", "prediction_lower", "prediction_upper"}
    assert found.estimated["mae"].low < found.realised["mae"].value < found.estimated["mae"].high
