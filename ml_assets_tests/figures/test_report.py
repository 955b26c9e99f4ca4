from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk

from ml_assets import figures
from ml_assets.evaluation.mistakes import Mistakes
from ml_assets.figures import panels

RNG = np.random.default_rng(0)
LABEL = (RNG.random(400) < 0.3).astype(float)
MODEL = np.clip(0.3 * LABEL + 0.7 * RNG.random(400), 0, 1)
RATE = np.full(400, 0.3)


def drawn(panel, who):
    (line,) = [line for line in panel.lines if line.name.startswith(who)]
    x, y = np.array(line.points).T
    return x, y, line.name


def test_binary_report_draws_precision_recall_roc_and_calibration_of_both():
    _, roc, calibration, *_ = figures.binary_report(pd.Series(LABEL), pd.Series(MODEL), pd.Series(RATE)).panels
    x, y, name = drawn(roc, "model")
    assert np.trapezoid(y, x) == pytest.approx(sk.roc_auc_score(LABEL, MODEL), abs=1e-5)
    assert name == f"model: AUROC {sk.roc_auc_score(LABEL, MODEL):.3f}"
    x, y, _ = drawn(calibration, "baseline")
    assert (x, y) == (pytest.approx([0.3]), pytest.approx([LABEL.mean()]))


def test_precision_is_held_until_recall_falls_so_that_the_area_drawn_is_the_average_precision():
    """Joined the other way, a constant baseline would look perfect."""
    curve = figures.binary_report(LABEL, MODEL, RATE).panels[0]
    for who, values in (("model", MODEL), ("baseline", RATE)):
        (line,) = [line for line in curve.lines if line.name.startswith(who)]
        assert line.steps, "the value of a point holds until the next"
        area = sum((x - after) * y for (x, y), (after, _) in pairwise(line.points))
        assert area == pytest.approx(sk.average_precision_score(LABEL, values), abs=0.005)
        assert line.name == f"{who}: average precision {sk.average_precision_score(LABEL, values):.3f}"


def test_regression_report_draws_observed_values_and_error_sizes_of_both():
    minutes = RNG.normal(10, 20, 400)
    report = figures.regression_report(minutes, minutes + 5, np.full(400, 10.0), unit="minutes")
    observed, errors, *_ = report.panels
    x, y, _ = drawn(observed, "model")
    np.testing.assert_allclose(x, y + 5, rtol=1e-4)
    assert len(x) == panels.VALUE_BINS
    x, y, _ = drawn(observed, "baseline")
    assert (x, y) == (pytest.approx([10]), pytest.approx([minutes.mean()], rel=1e-4))
    x, y, name = drawn(errors, "model")
    np.testing.assert_allclose(x, 5)
    assert y[0] == 1 / 400
    assert name == "model: mean absolute error 5"
    assert observed.x_label == "mean prediction / minutes"


FEATURES = {"importance": [("hour", 0.2), ("$x$ " + "y" * 40, -0.1)], "drift": [("hour", 0.4), ("month", 0.05)]}
CLASSES = np.random.default_rng(1).dirichlet(np.ones(3), 400)


def titles(sheet):
    return [panel.title.partition(" (")[0] for panel in sheet.panels]


def test_each_task_has_its_panels_and_all_have_those_of_features():
    binary = figures.binary_report(LABEL, MODEL, RATE, **FEATURES)
    assert titles(binary)[:3] == ["Precision and recall", "ROC", "Calibration"]
    assert titles(binary)[3:5] == ["Scores by class", "Confusion at 0.5"]
    assert titles(figures.multiclass_report(LABEL, CLASSES, **FEATURES))[:2] == ["Confusion", "Confidence"]
    assert titles(figures.regression_report(LABEL, MODEL, RATE, **FEATURES))[2] == "Residuals"
    for report in (binary, figures.regression_report(LABEL, MODEL, RATE), figures.multiclass_report(LABEL, CLASSES)):
        assert titles(report)[-2:] == ["Feature importance", "Drift against training"]


def test_scores_are_spread_over_each_class_as_shares_of_it():
    scores = figures.binary_report(LABEL, MODEL, RATE).panels[3]
    assert [columns.name for columns in scores.columns] == [
        f"label {of}: {int((of == LABEL).sum())} rows" for of in (0, 1)
    ]
    assert [sum(columns.heights) for columns in scores.columns] == pytest.approx([1, 1], abs=1e-4)


def test_confusion_counts_rows_by_class_and_by_what_is_predicted_from_a_half_on():
    confusion = figures.binary_report(LABEL, np.where(MODEL > 0.6, 0.5, 0.4999), RATE).panels[4]
    assert counts(confusion) == sk.confusion_matrix(LABEL, MODEL > 0.6).ravel().tolist()
    assert confusion.cells.texts[0][1] == f"{(MODEL[LABEL == 0] <= 0.6).mean():.0%}"


def counts(confusion):
    return [int(first) for first, *_ in confusion.cells.texts]


def test_confusion_of_classes_counts_the_most_probable_one():
    confusion = figures.multiclass_report(LABEL, CLASSES).panels[0]
    assert counts(confusion) == sk.confusion_matrix(LABEL, CLASSES.argmax(axis=1), labels=[0, 1, 2]).ravel().tolist()


def test_confusion_calls_classes_by_their_labels():
    names = (10, 20, 30)
    confusion = figures.multiclass_report(np.take(names, LABEL.astype(int)), CLASSES, classes=names).panels[0]
    assert counts(confusion) == sk.confusion_matrix(LABEL, CLASSES.argmax(axis=1), labels=[0, 1, 2]).ravel().tolist()
    assert confusion.cells.names == ("10", "20", "30")


def test_features_are_bars_in_the_given_order_and_a_shifted_one_is_marked():
    importance, drift = figures.binary_report(LABEL, MODEL, RATE, **FEATURES, metric="auroc").panels[-2:]
    assert dict(zip(importance.bars.names, importance.bars.numbers, strict=True)) == dict(FEATURES["importance"])
    assert importance.x_label == "loss of auroc when shuffled"
    assert dict(zip(drift.bars.names, drift.bars.numbers, strict=True)) == {"hour": 0.4, "month": 0.05}
    assert 0.05 < drift.bars.marked < 0.4
    assert drift.x[1] > max(drift.bars.limits) == 0.25, "both limits are always seen"


def test_what_was_not_measured_is_said_to_be_so():
    report = figures.binary_report(LABEL, MODEL, RATE)
    assert [panel.bars.names for panel in report.panels[-2:]] == [(), ()]
    assert figures.draw(report).count("not measured") == 2


def test_only_the_largest_of_many_features_are_drawn():
    many = [(f"feature {n}", 1 / (n + 1)) for n in range(50)]
    importance = figures.binary_report(LABEL, MODEL, RATE, importance=many).panels[-2]
    assert list(importance.bars.names) == [name for name, _ in many[: panels.MOST_FEATURES]]


def test_figures_need_no_library_that_draws():
    code = (
        "import sys, numpy as np; from ml_assets import figures;"
        "figures.draw(figures.binary_report([0., 1.], np.array([.2, .8]), np.array([.5, .5])));"
        "assert not {'matplotlib', 'PIL'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_regression_with_intervals_shows_their_coverage_and_width_of_both():
    minutes = RNG.normal(10, 20, 400)
    answer = np.column_stack([minutes, minutes - 1, minutes + 3])
    missed = np.column_stack([minutes + 5, minutes + 4, minutes + 6])

    report = figures.regression_report(minutes, answer, missed, unit="minutes", **FEATURES)

    assert titles(report)[3:] == ["Coverage of intervals", "Width of intervals", *titles(report)[-2:]]
    assert titles(report)[-2:] == ["Feature importance", "Drift against training"]
    coverage, width = report.panels[3:5]
    assert drawn(coverage, "model")[2] == "model: coverage 1.000"
    assert set(drawn(coverage, "baseline")[1]) == {0.0}
    assert set(drawn(width, "model")[0]) == {4.0}
    assert drawn(width, "baseline")[2] == "baseline: mean width 2"


def test_an_interval_beside_a_baseline_of_values_alone_is_drawn_too():
    minutes = RNG.normal(10, 20, 400)

    report = figures.regression_report(minutes, np.column_stack([minutes] * 3), minutes)

    assert [line.name.partition(":")[0] for line in report.panels[3].lines if line.name] == ["model"]


def test_the_most_confident_mistakes_are_drawn_as_pictures_with_what_they_were_taken_for():
    pictures = RNG.random((9, 8, 8))
    shown = Mistakes(pictures, np.full(9, 7), np.full(9, 1), np.full(9, 0.987), (12, 400))

    last = figures.multiclass_report(np.arange(400) % 3, CLASSES, mistakes=shown).panels[-1]

    assert last.title.partition(" (")[0] == "Most confident mistakes, of 12 in 400 rows"
    assert {picture.text for picture in last.pictures} == {"7 taken for 1, 0.99"}
    for picture, of in zip(last.pictures, pictures, strict=True):
        levels = [[int(level, 16) for level in row] for row in picture.rows]
        np.testing.assert_allclose(np.array(levels) / 15, of, atol=0.5 / 15 + 1e-9)


def test_no_mistakes_are_an_empty_panel_that_says_so():
    none = Mistakes(np.empty((0, 8, 8)), *(np.empty(0, dtype=int),) * 2, np.empty(0), (0, 400))

    report = figures.multiclass_report(np.arange(400) % 3, CLASSES, mistakes=none)

    assert "Most confident mistakes, of 0 in 400 rows" in figures.draw(report)
    assert not report.panels[-1].pictures
