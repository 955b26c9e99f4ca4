from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from matplotlib.cbook import STEP_LOOKUP_MAP

from ml_assets import figures

RNG = np.random.default_rng(0)
LABEL = (RNG.random(400) < 0.3).astype(float)
MODEL = np.clip(0.3 * LABEL + 0.7 * RNG.random(400), 0, 1)
RATE = np.full(400, 0.3)


def drawn(axis, who):
    (line,) = [line for line in axis.lines if line.get_label().startswith(who)]
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), line.get_label()


def test_binary_report_draws_precision_recall_roc_and_calibration_of_both():
    curve, roc, calibration = figures.binary_report(pd.Series(LABEL), pd.Series(MODEL), pd.Series(RATE)).axes
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
    observed, errors = figures.regression_report(minutes, minutes + 5, np.full(400, 10.0), unit="minutes").axes
    x, y, _ = drawn(observed, "model")
    np.testing.assert_allclose(x, y + 5)
    assert len(x) == figures.VALUE_BINS
    x, y, _ = drawn(observed, "baseline")
    assert (x, y) == (pytest.approx([10]), pytest.approx([minutes.mean()]))
    x, y, name = drawn(errors, "model")
    np.testing.assert_allclose(x, 5)
    assert (y[0], y[-1]) == (1 / 400, 1)
    assert name == "model: mean absolute error 5"
    assert observed.get_xlabel() == "mean prediction / minutes"


@pytest.mark.parametrize("report", [figures.binary_report, figures.regression_report])
def test_the_same_figure_has_the_same_png(report):
    def png():
        target = io.BytesIO()
        report(LABEL, MODEL, RATE).savefig(target, format="png")
        return target.getvalue()

    assert png() == png()


def test_figures_neither_import_matplotlib_early_nor_pyplot_ever():
    code = (
        "import sys, numpy as np; from ml_assets import figures; assert 'matplotlib' not in sys.modules;"
        "figures.binary_report([0., 1.], np.array([.2, .8]), np.array([.5, .5]));"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
