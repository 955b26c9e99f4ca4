"""The panels of a report: each draws one thing on one axis, model and baseline in their styles, and says what is good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.drift.statistics import SHIFTED_ABOVE, STABLE_BELOW
from ml_assets.evaluation.metrics import AUROC, AVERAGE_PRECISION, CALIBRATION_BINS, CALIBRATION_ERROR, MAE, value
from ml_assets.evaluation.mistakes import Mistakes
from ml_assets.evaluation.percentiles import COVERAGE, INSIDE

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

ByFeature = Sequence[tuple[str, float]]

MODEL: dict[str, Any] = {"color": "#0072b2", "label": "model"}
BASELINE: dict[str, Any] = {"color": "#8a8a8a", "linestyle": "--", "label": "baseline"}
IDEAL: dict[str, Any] = {"color": "black", "linewidth": 0.8, "linestyle": ":"}
CLASS_COLORS = ("#e69f00", "#0072b2")  # orange and blue are told apart by colour-blind people too
HEAT = "Blues"
VALUE_BINS = 20  # of a regression's predictions, each with as many rows
HISTOGRAM_BINS = 30
PICTURES_IN_A_ROW = 8
MOST_FEATURES = 12
LONGEST_NAME = 28  # letters of a feature; longer ones lose their middle
LARGEST_MATRIX = 12  # classes whose cells are labelled


# ---------------------------------------------------------------- two classes


def precision_recall(axis: Axes, label: np.ndarray, values: np.ndarray, style: dict[str, Any]) -> None:
    """Precision at each recall; held until recall falls, so that the area is the average precision."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(label, values)
    name = f"{style['label']}: average precision {value(AVERAGE_PRECISION, label, values):.3f}"
    axis.plot(recall, precision, drawstyle="steps-post", **style | {"label": name})
    axis.set(title="Precision and recall (up and right is good)", xlabel="recall", ylabel="precision")


def roc(axis: Axes, label: np.ndarray, values: np.ndarray, style: dict[str, Any]) -> None:
    """True positive rate at each false positive rate."""
    from sklearn.metrics import roc_curve

    false_positives, true_positives, _ = roc_curve(label, values)
    name = f"{style['label']}: AUROC {value(AUROC, label, values):.3f}"
    axis.plot(false_positives, true_positives, **style | {"label": name})
    axis.set(title="ROC (up and left is good)", xlabel="false positive rate", ylabel="true positive rate")


def calibration(axis: Axes, label: np.ndarray, values: np.ndarray, style: dict[str, Any]) -> None:
    """Observed rate over mean predicted probability, in ten bins of equal width."""
    from sklearn.calibration import calibration_curve

    observed, predicted = calibration_curve(label, values, n_bins=CALIBRATION_BINS)
    name = f"{style['label']}: calibration error {value(CALIBRATION_ERROR, label, values):.3f}"
    axis.plot(predicted, observed, marker="o", markersize=4, **style | {"label": name})
    axis.set(title="Calibration (on the diagonal is good)", xlabel="mean predicted probability", ylabel="observed rate")


def score_histogram(axis: Axes, label: np.ndarray, values: np.ndarray) -> None:
    """How the model's probabilities are spread, for each class as shares of that class."""
    import numpy as np

    bins = list(np.linspace(0, 1, HISTOGRAM_BINS + 1))
    for of, color in enumerate(CLASS_COLORS):
        inside = values[label == of]
        if len(inside):
            shares = np.full(len(inside), 1 / len(inside))
            axis.hist(inside, bins, weights=shares, color=color, alpha=0.6, label=f"label {of}: {len(inside):,} rows")
    axis.set(title="Scores by class (apart is good)", xlabel="predicted probability", ylabel="share of the class")


# ---------------------------------------------------------------- classes


def confusion(axis: Axes, label: np.ndarray, predicted: np.ndarray, title: str, names: Sequence[int] = (0, 1)) -> None:
    """Rows by class and predicted class: the count and its share of the row's class, dark where many.

    Args:
        label, predicted: places of classes in ``names``, shape (n,).
    """
    import numpy as np

    classes = len(names)
    pairs = label.astype(int) * classes + predicted.astype(int)
    counts = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap=HEAT, vmin=0, vmax=1, aspect="auto")
    if classes <= LARGEST_MATRIX:
        for at, share in np.ndenumerate(shares):
            said = f"{counts[at]:,}\n{share:.0%}" if classes <= LARGEST_MATRIX // 2 else f"{counts[at]:,}"
            axis.text(at[1], at[0], said, ha="center", va="center", color="white" if share > 0.55 else "black")
        axis.set(xticks=range(classes), yticks=range(classes), xticklabels=names, yticklabels=names)
    axis.set(title=title, xlabel="predicted", ylabel="label")


def confidence_histogram(axis: Axes, label: np.ndarray, probabilities: np.ndarray) -> None:
    """The probability of the predicted class, where it was right and where it was wrong."""
    import numpy as np

    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == label
    bins = list(np.linspace(0, 1, HISTOGRAM_BINS + 1))
    for of, name, color in ((~right, "wrong", CLASS_COLORS[0]), (right, "right", CLASS_COLORS[1])):
        axis.hist(confidence[of], bins, color=color, alpha=0.6, label=f"{name}: {int(of.sum()):,} rows")
    axis.set(
        title="Confidence (wrong ones to the left is good)", xlabel="probability of the predicted class", ylabel="rows"
    )


def pictures(axis: Axes, mistakes: Mistakes) -> None:
    """Rows that were taken for another class, the surest mistake first, each with what it is and what it was taken for."""
    import numpy as np

    height, width = mistakes.pictures.shape[1:]
    cell = (height + -(-height // 2), 2 * width)  # what is between holds the words
    rows = max(2, -(-len(mistakes.pictures) // PICTURES_IN_A_ROW))  # a lone picture is no larger than one of many
    sheet = np.full((rows * cell[0], PICTURES_IN_A_ROW * cell[1]), np.nan)
    for n, drawn in enumerate(mistakes.pictures):
        row, column = divmod(n, PICTURES_IN_A_ROW)
        top, left = row * cell[0] + cell[0] - height, column * cell[1] + width // 2
        sheet[top : top + height, left : left + width] = drawn
        said = f"{mistakes.label[n]} taken for {mistakes.predicted[n]}, {mistakes.confidence[n]:.2f}"
        axis.text(left + width / 2, top - 1, said, ha="center", va="bottom", fontsize="small")
    axis.imshow(sheet, cmap="gray", vmin=0, vmax=1)
    of = "Most confident mistakes, of {:,} in {:,} rows (few is good)".format(*mistakes.total)
    axis.set(title=of, xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


# ---------------------------------------------------------------- numbers


def observed_by_prediction(axis: Axes, label: np.ndarray, values: np.ndarray, style: dict[str, Any]) -> None:
    """Mean label over mean prediction, in bins of equally many rows."""
    predicted, observed = _means_by_value(values, values, label)
    axis.plot(predicted, observed, marker="o", markersize=4, **style)


def coverage_by_prediction(axis: Axes, label: np.ndarray, answer: np.ndarray, style: dict[str, Any]) -> None:
    """Share of labels inside the interval over mean prediction, in the same bins.

    Args:
        answer: value, lower and upper bound, shape (n, 3).
    """
    values, lower, upper = answer.T
    predicted, inside = _means_by_value(values, values, (lower <= label) & (label <= upper))
    name = f"{style['label']}: coverage {value(COVERAGE, label, answer):.3f}"
    axis.plot(predicted, inside, marker="o", markersize=4, **style | {"label": name})
    axis.set(title=f"Coverage of intervals (at {INSIDE:g} is good)", ylabel="share inside", ylim=(0, 1.02))


def interval_widths(axis: Axes, answer: np.ndarray, style: dict[str, Any]) -> None:
    """Which share of rows has an interval of at most a width, up to the 99th percentile."""
    import numpy as np

    width = np.sort(answer[:, 2] - answer[:, 1])
    name = f"{style['label']}: mean width {width.mean():.3g}"
    axis.plot(width, np.arange(1, len(width) + 1) / len(width), **style | {"label": name})
    axis.set(title="Width of intervals (left is good, where they cover)", ylabel="share of rows at most")
    axis.set_xlim(0, float(np.quantile(width, 0.99)) or 1.0)


def _means_by_value(values: np.ndarray, *of: np.ndarray) -> list[np.ndarray]:
    """The means of each ``of`` (n,) in bins of equally many rows by ``values``; rows of equal value share a bin."""
    import numpy as np

    cuts = np.unique(np.quantile(values, np.linspace(0, 1, VALUE_BINS + 1)[1:-1]))
    bin_of = np.searchsorted(cuts, values)
    rows = np.bincount(bin_of)
    used = rows > 0
    return [np.bincount(bin_of, weights=one)[used] / rows[used] for one in of]


def error_shares(axis: Axes, label: np.ndarray, values: np.ndarray, style: dict[str, Any]) -> None:
    """Which share of rows has at most an error, up to the 99th percentile."""
    import numpy as np

    error = np.sort(abs(label - values))
    name = f"{style['label']}: mean absolute error {value(MAE, label, values):.3g}"
    axis.plot(error, np.arange(1, len(error) + 1) / len(error), **style | {"label": name})
    axis.set_xlim(0, float(np.quantile(error, 0.99)) or 1.0)


def residual_histogram(axis: Axes, label: np.ndarray, values: np.ndarray) -> None:
    """Label minus prediction, without the outermost 1 %."""
    import numpy as np

    residual = label - values
    low, high = map(float, np.quantile(residual, (0.005, 0.995)))
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-9):  # all the same, but for rounding
        low, high = low - 0.5, high + 0.5
    bins = list(np.linspace(low, high, HISTOGRAM_BINS + 1))
    axis.hist(residual, bins, color=MODEL["color"], alpha=0.7, label=f"mean {residual.mean():.3g}")
    axis.axvline(0, **IDEAL)
    axis.set(title="Residuals (narrow around 0 is good)", ylabel="rows")


# ---------------------------------------------------------------- features


def importance_bars(axis: Axes, importance: ByFeature, metric: str) -> None:
    """The most important features, by how much the metric is worse with them shuffled."""
    title = "Feature importance (long: the model needs it)"
    bars(axis, importance, title, f"loss of {metric} when shuffled")


def drift_bars(axis: Axes, drift: ByFeature) -> None:
    """The most drifted features, with the conventional limits; from 0.25 on in the other colour."""
    bars(axis, drift, f"Drift against training (under {STABLE_BELOW:g} is stable)", "population stability index")
    for bar, (_, index) in zip(axis.patches, drift, strict=False):
        bar.set_facecolor(CLASS_COLORS[0] if index > SHIFTED_ABOVE else MODEL["color"])
    if drift:
        axis.set_xlim(0, max(1.2 * SHIFTED_ABOVE, 1.05 * drift[0][1]))  # both limits are always seen
        for limit, style in ((STABLE_BELOW, ":"), (SHIFTED_ABOVE, "--")):
            axis.axvline(limit, color="black", linewidth=0.9, linestyle=style, label=f"{limit:g}")


def bars(axis: Axes, numbers: ByFeature, title: str, xlabel: str) -> None:
    """The first of some numbers as bars, by name."""
    shown = list(numbers[:MOST_FEATURES])
    axis.set(title=title, xlabel=xlabel)
    if not shown:
        axis.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axis.transAxes)
        axis.set(xticks=[], yticks=[])
        return
    axis.barh(range(len(shown)), [number for _, number in shown], color=MODEL["color"], height=0.7)
    axis.set_yticks(range(len(shown)), [_short(name) for name, _ in shown])
    axis.set_ylim(MOST_FEATURES - 0.4, -0.6)  # bars are as thick when there are few


def _short(name: str) -> str:
    half = LONGEST_NAME // 2 - 1
    plain = name.replace("$", r"\$")  # else a formula
    return plain if len(name) <= LONGEST_NAME else f"{plain[:half]}…{plain[-half:]}"
