"""How a model is judged, on one page of panels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.classes import Classes, by_column
from ml_assets.evaluation.mistakes import Mistakes
from ml_assets.figures import panels
from ml_assets.figures.panels import ByFeature
from ml_assets.figures.sheet import Panel, Sheet

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

TITLE = "How the model is judged"


def binary_report(
    label: ArrayLike,
    model: ArrayLike,
    baseline: ArrayLike,
    *,
    importance: ByFeature = (),
    drift: ByFeature = (),
    metric: str = "the metric",
) -> Sheet:
    """Precision-recall, ROC, calibration, scores by class, confusion at 0.5, importance and drift of features.

    Args:
        label: 0 or 1, shape (n,), both present.
        model, baseline: probability of 1, shape (n,).
        importance, drift: feature and number, largest first, see ``Evaluation``.
        metric: name of the metric that importance is a loss of.
    """
    import numpy as np

    truth, said = np.asarray(label), np.asarray(model)
    answers = (("baseline", np.asarray(baseline)), ("model", said))
    curves = tuple(panel(truth, answers) for panel in (panels.precision_recall, panels.roc, panels.calibration))
    confusion = panels.confusion(truth, said >= 0.5, "Confusion at 0.5 (dark on the diagonal is good)")
    return Sheet(
        TITLE, (curves, (panels.score_histogram(truth, said), confusion), _features(importance, drift, metric))
    )


def multiclass_report(
    label: ArrayLike,
    model: ArrayLike,
    *,
    classes: Classes = (),
    mistakes: Mistakes | None = None,
    importance: ByFeature = (),
    drift: ByFeature = (),
    metric: str = "the metric",
) -> Sheet:
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
    confusion = panels.confusion(truth, said.argmax(axis=1), "Confusion (dark on the diagonal is good)", names)
    judged = (confusion, panels.confidence_histogram(truth, said))
    drawn = ((panels.pictures(mistakes),),) if mistakes else ()
    return Sheet(TITLE, (judged, _features(importance, drift, metric), *drawn))


def regression_report(
    label: ArrayLike,
    prediction: ArrayLike,
    baseline: ArrayLike,
    unit: str = "",
    *,
    importance: ByFeature = (),
    drift: ByFeature = (),
    metric: str = "the metric",
) -> Sheet:
    """Observed by predicted values, size of errors, residuals, importance and drift of features; and, where the prediction
    has intervals, how many labels lie in them, and how wide they are.

    Args:
        label: shape (n,), finite.
        prediction, baseline: shape (n,) or, with intervals, (n, 3), finite, in the same unit.
    """
    import numpy as np

    truth, suffix = np.asarray(label, dtype=float), f" / {unit}" if unit else ""
    answers = (("baseline", np.asarray(baseline)), ("model", np.asarray(prediction)))
    values = [(who, answer if answer.ndim == 1 else answer[:, 0]) for who, answer in answers]
    with_intervals = [(who, answer) for who, answer in answers if answer.ndim == 2]
    judged = (
        panels.observed_by_prediction(truth, values, suffix),
        panels.error_shares(truth, values, suffix),
        panels.residual_histogram(truth, values[-1][1], suffix),
    )
    intervals: tuple[tuple[Panel, ...], ...] = ()
    if answers[1][1].ndim == 2:
        covered = panels.coverage_by_prediction(truth, with_intervals, suffix)
        intervals = ((covered, panels.interval_widths(with_intervals, suffix)),)
    return Sheet(TITLE, (judged, *intervals, _features(importance, drift, metric)))


def _features(importance: ByFeature, drift: ByFeature, metric: str) -> tuple[Panel, ...]:
    """What every report has."""
    return (panels.importance_bars(importance, metric), panels.drift_bars(drift))
