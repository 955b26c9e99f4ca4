"""How a model is judged, on one page of panels.

Figures are plain objects without pyplot's global state: nothing to close, no display needed, safe in any thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.classes import Classes, by_column
from ml_assets.evaluation.mistakes import Mistakes
from ml_assets.evaluation.percentiles import INSIDE
from ml_assets.figures import panels
from ml_assets.figures.panels import BASELINE, IDEAL, MODEL, ByFeature

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

WIDTH_INCHES = 11.4  # 1140 pixels: as wide as the UI's window for it on a common screen
ROW_INCHES = 3.3


def binary_report(
    label: ArrayLike,
    model: ArrayLike,
    baseline: ArrayLike,
    *,
    importance: ByFeature = (),
    drift: ByFeature = (),
    metric: str = "the metric",
) -> Figure:
    """Precision-recall, ROC, calibration, scores by class, confusion at 0.5, importance and drift of features.

    Args:
        label: 0 or 1, shape (n,), both present.
        model, baseline: probability of 1, shape (n,).
        importance, drift: feature and number, largest first, see ``Evaluation``.
        metric: name of the metric that importance is a loss of.
    """
    import numpy as np

    truth, said = np.asarray(label), np.asarray(model)
    figure, axes = _panels(3, 2, 2)
    for values, style in ((np.asarray(baseline), BASELINE), (said, MODEL)):
        panels.precision_recall(axes["A"], truth, values, style)
        panels.roc(axes["B"], truth, values, style)
        panels.calibration(axes["C"], truth, values, style)
    axes["C"].axline((0, 0), slope=1, **IDEAL)
    for at in "ABC":
        axes[at].set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    panels.score_histogram(axes["D"], truth, said)
    panels.confusion(axes["E"], truth, said >= 0.5, "Confusion at 0.5 (dark on the diagonal is good)")
    return _finished(figure, axes, ("F", importance, metric), ("G", drift))


def multiclass_report(
    label: ArrayLike,
    model: ArrayLike,
    *,
    classes: Classes = (),
    mistakes: Mistakes | None = None,
    importance: ByFeature = (),
    drift: ByFeature = (),
    metric: str = "the metric",
) -> Figure:
    """Confusion, confidence, importance and drift of features; where rows are pictures, the most confident mistakes.

    Args:
        label: shape (n,).
        model: probability of each class, shape (n, k).
        classes: the label of each column; without them 0 … k-1.
    """
    import numpy as np

    said = np.asarray(model)
    names = classes or tuple(range(said.shape[1]))
    truth, said = by_column(np.asarray(label), said, names)
    figure, axes = _panels(2, 2, *[1] * bool(mistakes))
    if mistakes:
        panels.pictures(axes["E"], mistakes)
    panels.confusion(axes["A"], truth, said.argmax(axis=1), "Confusion (dark on the diagonal is good)", names)
    panels.confidence_histogram(axes["B"], truth, said)
    return _finished(figure, axes, ("C", importance, metric), ("D", drift))


def regression_report(
    label: ArrayLike,
    prediction: ArrayLike,
    baseline: ArrayLike,
    unit: str = "",
    *,
    importance: ByFeature = (),
    drift: ByFeature = (),
    metric: str = "the metric",
) -> Figure:
    """Observed by predicted values, size of errors, residuals, importance and drift of features; and, where the prediction
    has intervals, how many labels lie in them, and how wide they are.

    Args:
        label: shape (n,), finite.
        prediction, baseline: shape (n,) or, with intervals, (n, 3), finite, in the same unit.
    """
    import numpy as np

    truth, answers = np.asarray(label, dtype=float), [np.asarray(baseline), np.asarray(prediction)]
    has_intervals = answers[1].ndim == 2
    figure, axes = _panels(3, *[2] * has_intervals, 2)
    for answer, style in zip(answers, (BASELINE, MODEL), strict=True):
        values = answer if answer.ndim == 1 else answer[:, 0]
        panels.observed_by_prediction(axes["A"], truth, values, style)
        panels.error_shares(axes["B"], truth, values, style)
        if has_intervals and answer.ndim == 2:
            panels.coverage_by_prediction(axes["D"], truth, answer, style)
            panels.interval_widths(axes["E"], answer, style)
    middle = float(np.median(truth))
    axes["A"].axline((middle, middle), slope=1, **IDEAL)
    panels.residual_histogram(axes["C"], truth, values)  # of the prediction, which comes last
    suffix = f" / {unit}" if unit else ""
    on_diagonal = "Observed by predicted (on the diagonal is good)"
    axes["A"].set(title=on_diagonal, xlabel=f"mean prediction{suffix}", ylabel=f"mean observed{suffix}")
    axes["B"].set(
        title="Size of errors (up and left is good)", xlabel=f"|error|{suffix}", ylabel="share of rows at most"
    )
    axes["C"].set(xlabel=f"label - prediction{suffix}")
    if has_intervals:
        axes["D"].axhline(INSIDE, **IDEAL)
        axes["D"].set(xlabel=f"mean prediction{suffix}")
        axes["E"].set(xlabel=f"upper - lower{suffix}")
    at_importance, at_drift = list(axes)[-2:]
    return _finished(figure, axes, (at_importance, importance, metric), (at_drift, drift))


def _panels(*rows: int) -> tuple[Figure, dict[str, Axes]]:
    """A figure with so many panels in each row, named A, B, … in reading order."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, ROW_INCHES * len(rows)), layout="constrained")
    strips = figure.subfigures(len(rows), 1, squeeze=False)[:, 0]  # each row spaces its panels by itself
    axes = [strip.add_subplot(1, n, at + 1) for strip, n in zip(strips, rows, strict=True) for at in range(n)]
    return figure, dict(zip("ABCDEFGH", axes, strict=False))


def _finished(
    figure: Figure, axes: dict[str, Axes], importance: tuple[str, ByFeature, str], drift: tuple[str, ByFeature]
) -> Figure:
    """With the panels of features, which every report has, and what all panels share."""
    at, numbers, metric = importance
    panels.importance_bars(axes[at], numbers, metric)
    panels.drift_bars(axes[drift[0]], drift[1])
    for axis in axes.values():
        axis.spines[["top", "right"]].set_visible(False)
        axis.title.set_fontsize("medium")
        if axis.get_legend_handles_labels()[0]:
            axis.legend(frameon=False, fontsize="small", loc="lower right" if axis is axes[drift[0]] else "best")
    return figure
