from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from matplotlib.cbook import STEP_LOOKUP_MAP

from ml_assets import figures
from ml_assets.evaluation.mistakes import Mistakes
from ml_assets.figures import panels

RNG = np.random.default_rng(0)
LABEL = (RNG.random(400) < 0.3).astype(float)
MODEL = np.clip(0.3 * LABEL + 0.7 * RNG.random(400), 0, 1)
RATE = np.full(400, 0.3)


def drawn(axis, who):
    (line,) = [line for line in axis.lines if line.get_label().startswith(who)]
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), line.get_label()


def test_binary_report_draws_precision_recall_roc_and_calibration_of_both():
    curve, roc, calibration, *_ = figures.binary_report(pd.Series(LABEL), pd.Series(MODEL), pd.Series(RATE)).axes
    precision, recall, _ = sk.precision_recall_curve(LABEL, MODEL)
    x, y, name = drawn(curve, "model")
    np.testing.assert_array_equal((x, y), (recall, precision))
    assert name == f"model: average precision {sk.average_precision_score(LABEL, MODEL):.3f}"
    x, y, name = drawn(roc, "model")
    assert np.trapezoid(y, x) == pytest.approx(sk.roc_auc_score(LABEL, MODEL))
    assert name == f"model: AUROC {sk.roc_auc_score(LABEL, MODEL):.3f}"
    x, y, _ = drawn(calibration, "baseline")
    assert (x, y) == (pytest.approx([0.3]), pytest.approx([LABEL.mean()]))


def test_precision_is_held_until_recall_falls_so_that_the_area_drawn_is_the_average_precision():
    """Joined the other way, a constant baseline would look perfect."""
    curve = figures.binary_report(LABEL, MODEL, RATE).axes[0]
    for who, values in (("model", MODEL), ("baseline", RATE)):
        (line,) = [line for line in curve.lines if line.get_label().startswith(who)]
        x, y = STEP_LOOKUP_MAP[line.get_drawstyle()](*line.get_data())
        area = -(np.diff(x) * y[:-1]).sum()
        assert area == pytest.approx(sk.average_precision_score(LABEL, values))


def test_regression_report_draws_observed_values_and_error_sizes_of_both():
    minutes = RNG.normal(10, 20, 400)
    report = figures.regression_report(minutes, minutes + 5, np.full(400, 10.0), unit="minutes")
    observed, errors, *_ = report.axes
    x, y, _ = drawn(observed, "model")
    np.testing.assert_allclose(x, y + 5)
    assert len(x) == panels.VALUE_BINS
    x, y, _ = drawn(observed, "baseline")
    assert (x, y) == (pytest.approx([10]), pytest.approx([minutes.mean()]))
    x, y, name = drawn(errors, "model")
    np.testing.assert_allclose(x, 5)
    assert (y[0], y[-1]) == (1 / 400, 1)
    assert name == "model: mean absolute error 5"
    assert observed.get_xlabel() == "mean prediction / minutes"


FEATURES = {"importance": [("hour", 0.2), ("$x$ " + "y" * 40, -0.1)], "drift": [("hour", 0.4), ("month", 0.05)]}
CLASSES = np.random.default_rng(1).dirichlet(np.ones(3), 400)


def titles(figure):
    return [axis.get_title().partition(" (")[0] for axis in figure.axes]


def bars(axis):
    return {tick.get_text(): bar.get_width() for tick, bar in zip(axis.get_yticklabels(), axis.patches, strict=True)}


def test_each_task_has_its_panels_and_all_have_those_of_features():
    binary = figures.binary_report(LABEL, MODEL, RATE, **FEATURES)
    assert titles(binary)[:3] == ["Precision and recall", "ROC", "Calibration"]
    assert titles(binary)[3:5] == ["Scores by class", "Confusion at 0.5"]
    assert titles(figures.multiclass_report(LABEL, CLASSES, **FEATURES))[:2] == ["Confusion", "Confidence"]
    assert titles(figures.regression_report(LABEL, MODEL, RATE, **FEATURES))[2] == "Residuals"
    for report in (binary, figures.regression_report(LABEL, MODEL, RATE), figures.multiclass_report(LABEL, CLASSES)):
        assert titles(report)[-2:] == ["Feature importance", "Drift against training"]


def test_confusion_counts_rows_by_class_and_by_what_is_predicted_from_a_half_on():
    confusion = figures.binary_report(LABEL, np.where(MODEL > 0.6, 0.5, 0.4999), RATE).axes[4]
    counts = [int(text.get_text().split("\n")[0]) for text in confusion.texts]
    assert counts == sk.confusion_matrix(LABEL, MODEL > 0.6).ravel().tolist()
    assert [text.get_text().split("\n")[1] for text in confusion.texts][:1] == [
        f"{(MODEL[LABEL == 0] <= 0.6).mean():.0%}"
    ]


def test_confusion_of_classes_counts_the_most_probable_one():
    confusion = figures.multiclass_report(LABEL, CLASSES).axes[0]
    expected = sk.confusion_matrix(LABEL, CLASSES.argmax(axis=1), labels=[0, 1, 2]).ravel().tolist()
    assert [int(text.get_text().split("\n")[0]) for text in confusion.texts] == expected


def test_features_are_bars_in_the_given_order_and_a_shifted_one_has_another_colour():
    importance, drift = figures.binary_report(LABEL, MODEL, RATE, **FEATURES, metric="auroc").axes[-2:]
    assert list(bars(importance).values()) == [0.2, -0.1]
    assert list(bars(importance))[1].startswith(r"\$x\$ yyy"), "a dollar sign is no formula"
    assert importance.get_xlabel() == "loss of auroc when shuffled"
    assert bars(drift) == {"hour": 0.4, "month": 0.05}
    assert drift.patches[0].get_facecolor() != drift.patches[1].get_facecolor()
    assert drift.get_xlim()[1] > 0.25


def test_what_was_not_measured_is_said_to_be_so():
    for axis in figures.binary_report(LABEL, MODEL, RATE).axes[-2:]:
        assert [text.get_text() for text in axis.texts] == ["not measured"]


def test_only_the_largest_of_many_features_are_drawn():
    many = [(f"feature {n}", 1 / (n + 1)) for n in range(50)]
    importance = figures.binary_report(LABEL, MODEL, RATE, importance=many).axes[-2]
    assert list(bars(importance)) == [name for name, _ in many[: panels.MOST_FEATURES]]


@pytest.mark.parametrize("report", [figures.binary_report, figures.regression_report])
def test_the_same_figure_has_the_same_png(report):
    assert figures.png(report(LABEL, MODEL, RATE)) == figures.png(report(LABEL, MODEL, RATE))


def test_figures_neither_import_matplotlib_early_nor_pyplot_ever():
    code = (
        "import sys, numpy as np; from ml_assets import figures; assert 'matplotlib' not in sys.modules;"
        "figures.binary_report([0., 1.], np.array([.2, .8]), np.array([.5, .5]));"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_regression_with_intervals_shows_their_coverage_and_width_of_both():
    minutes = RNG.normal(10, 20, 400)
    answer = np.column_stack([minutes, minutes - 1, minutes + 3])
    missed = np.column_stack([minutes + 5, minutes + 4, minutes + 6])

    report = figures.regression_report(minutes, answer, missed, unit="minutes", **FEATURES)

    assert titles(report)[3:] == ["Coverage of intervals", "Width of intervals", *titles(report)[-2:]]
    assert titles(report)[-2:] == ["Feature importance", "Drift against training"]
    coverage, width = report.axes[3:5]
    assert drawn(coverage, "model")[2] == "model: coverage 1.000"
    assert set(drawn(coverage, "baseline")[1]) == {0.0}
    assert set(np.round(drawn(width, "model")[0], 9)) == {4.0}
    assert drawn(width, "baseline")[2] == "baseline: mean width 2"


def test_an_interval_beside_a_baseline_of_values_alone_is_drawn_too():
    minutes = RNG.normal(10, 20, 400)

    report = figures.regression_report(minutes, np.column_stack([minutes] * 3), minutes)

    assert [line.get_label().partition(":")[0] for line in report.axes[3].lines[:1]] == ["model"]


def test_the_most_confident_mistakes_are_drawn_as_pictures_with_what_they_were_taken_for():
    pictures = RNG.random((9, 8, 8))
    shown = Mistakes(pictures, np.full(9, 7), np.full(9, 1), np.full(9, 0.987), (12, 400))

    report = figures.multiclass_report(np.arange(400) % 3, CLASSES, mistakes=shown)

    sheet = report.axes[-1].images[0].get_array()
    assert titles(report)[-1] == "Most confident mistakes, of 12 in 400 rows"
    assert {text.get_text() for text in report.axes[-1].texts} == {"7 taken for 1, 0.99"}
    assert sorted(sheet.compressed()) == sorted(pictures.ravel())


def test_no_mistakes_are_an_empty_panel_that_says_so():
    none = Mistakes(np.empty((0, 8, 8)), *(np.empty(0, dtype=int),) * 2, np.empty(0), (0, 400))

    report = figures.multiclass_report(np.arange(400) % 3, CLASSES, mistakes=none)
    figures.png(report)

    assert titles(report)[-1] == "Most confident mistakes, of 0 in 400 rows"
    assert not report.axes[-1].texts


def test_confusion_calls_classes_by_their_labels():
    names = (10, 20, 30)
    confusion = figures.multiclass_report(np.take(names, LABEL.astype(int)), CLASSES, classes=names).axes[0]
    expected = sk.confusion_matrix(LABEL, CLASSES.argmax(axis=1), labels=[0, 1, 2]).ravel().tolist()
    assert [int(text.get_text().split("\n")[0]) for text in confusion.texts] == expected
    assert [text.get_text() for text in confusion.get_xticklabels()] == ["10", "20", "30"]
