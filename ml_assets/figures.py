"""Pictures of how a model is judged; the only user of matplotlib.

Figures are plain objects without pyplot's global state: nothing to close, no display needed, safe in any thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_assets.evaluation.metrics import AUROC, AVERAGE_PRECISION, CALIBRATION_BINS, CALIBRATION_ERROR, MAE, value

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

MODEL: dict[str, Any] = {"color": "#1f4e9c", "label": "model"}
BASELINE: dict[str, Any] = {"color": "#9a9a9a", "label": "baseline"}
IDEAL: dict[str, Any] = {"color": "black", "linewidth": 0.8, "linestyle": ":"}
VALUE_BINS = 20  # of a regression's predictions, each with as many rows


def binary_report(label: ArrayLike, model: ArrayLike, baseline: ArrayLike) -> Figure:
    """Precision-recall, ROC and calibration curves of a model beside its baseline.

    Args:
        label: 0 or 1, shape (n,), both present.
        model, baseline: probability of 1, shape (n,).
    """
    import numpy as np

    truth = np.asarray(label)
    figure, axes = _panels(3)
    for values, style in ((np.asarray(baseline), BASELINE), (np.asarray(model), MODEL)):
        _precision_recall(axes[0], truth, values, style)
        _roc(axes[1], truth, values, style)
        _calibration(axes[2], truth, values, style)
    axes[2].axline((0, 0), slope=1, **IDEAL)
    for axis in axes:
        axis.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        axis.legend(frameon=False, fontsize="small")
    return figure


def regression_report(label: ArrayLike, prediction: ArrayLike, baseline: ArrayLike, unit: str = "") -> Figure:
    """Observed against predicted values, and how large the errors are, of a model beside its baseline.

    Args:
        label, prediction, baseline: shape (n,), finite, in the same unit.
    """
    import numpy as np

    truth = np.asarray(label, dtype=float)
    figure, axes = _panels(2)
    for values, style in ((np.asarray(baseline), BASELINE), (np.asarray(prediction), MODEL)):
        _observed_by_prediction(axes[0], truth, values, style)
        _error_shares(axes[1], truth, values, style)
    middle = float(np.median(truth))
    axes[0].axline((middle, middle), slope=1, **IDEAL)
    suffix = f" / {unit}" if unit else ""
    axes[0].set(title="Observed by predicted", xlabel=f"mean prediction{suffix}", ylabel=f"mean observed{suffix}")
    axes[1].set(title="Size of errors", xlabel=f"|error|{suffix}", ylabel="share of rows with at most this error")
    for axis in axes:
        axis.legend(frameon=False, fontsize="small")
    return figure


def _panels(n: int) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * n, 4), layout="constrained")
    axes = [figure.add_subplot(1, n, at + 1) for at in range(n)]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _precision_recall(axis: Axes, label: np.ndarray, values: np.ndarray, style: dict[str, Any]) -> None:
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(label, values)
    name = f"{style['label']}: average precision {value(AVERAGE_PRECISION, label, values):.3f}"
    axis.plot(recall, precision, drawstyle="steps-post", **style | {"label": name})
    axis.set(title="Precision and recall", xlabel="recall", ylabel="precision")


def _roc(axis: Axes, label: np.ndarray, values: np.ndarray, style: dict[str, Any]) -> None:
    from sklearn.metrics import roc_curve

    false_positives, true_positives, _ = roc_curve(label, values)
    name = f"{style['label']}: AUROC {value(AUROC, label, values):.3f}"
    axis.plot(false_positives, true_positives, **style | {"label": name})
    axis.set(title="ROC", xlabel="false positive rate", ylabel="true positive rate")


def _calibration(axis: Axes, label: np.ndarray, values: np.ndarray, style: dict[str, Any]) -> None:
    from sklearn.calibration import calibration_curve

    observed, predicted = calibration_curve(label, values, n_bins=CALIBRATION_BINS)
    name = f"{style['label']}: calibration error {value(CALIBRATION_ERROR, label, values):.3f}"
    axis.plot(predicted, observed, marker="o", markersize=4, **style | {"label": name})
    axis.set(title="Calibration", xlabel="mean predicted probability", ylabel="observed rate")


def _observed_by_prediction(axis: Axes, label: np.ndarray, values: np.ndarray, style: dict[str, Any]) -> None:
    """Mean label over mean prediction, in bins of equally many rows; rows of equal prediction share a bin."""
    import numpy as np

    cuts = np.unique(np.quantile(values, np.linspace(0, 1, VALUE_BINS + 1)[1:-1]))
    bin_of = np.searchsorted(cuts, values)
    rows = np.bincount(bin_of)
    used = rows > 0
    predicted, observed = (np.bincount(bin_of, weights=of)[used] / rows[used] for of in (values, label))
    axis.plot(predicted, observed, marker="o", markersize=4, **style)


def _error_shares(axis: Axes, label: np.ndarray, values: np.ndarray, style: dict[str, Any]) -> None:
    import numpy as np

    error = np.sort(abs(label - values))
    name = f"{style['label']}: mean absolute error {value(MAE, label, values):.3g}"
    axis.plot(error, np.arange(1, len(error) + 1) / len(error), **style | {"label": name})
    axis.set_xlim(0, float(np.quantile(error, 0.99)) or 1.0)
