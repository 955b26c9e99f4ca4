"""The panels of a report: each shows one thing, of model and baseline, and says what is good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ml_assets.drift.statistics import SHIFTED_ABOVE, STABLE_BELOW
from ml_assets.evaluation.metrics import AUROC, AVERAGE_PRECISION, CALIBRATION_BINS, CALIBRATION_ERROR, MAE, value
from ml_assets.evaluation.mistakes import Mistakes
from ml_assets.evaluation.percentiles import COVERAGE, INSIDE
from ml_assets.figures.sheet import Bars, Cells, Columns, Line, Panel, Picture, points

if TYPE_CHECKING:
    import numpy as np

ByFeature = Sequence[tuple[str, float]]
Answers = Sequence[tuple[str, "np.ndarray"]]
"""Whose they are (``baseline``, ``model``), and what they are; drawn in this order."""

VALUE_BINS = 20  # of a regression's predictions, each with as many rows
HISTOGRAM_BINS = 30
MOST_FEATURES = 12
LARGEST_MATRIX = 12  # classes whose cells are written in
UNIT = (-0.01, 1.01)  # an axis of shares: a line at 0 or 1 is seen


# ---------------------------------------------------------------- two classes


def precision_recall(label: np.ndarray, answers: Answers) -> Panel:
    """Precision at each recall; held until recall falls, so that the area is the average precision."""
    from sklearn.metrics import precision_recall_curve

    lines = []
    for who, values in answers:
        precision, recall, _ = precision_recall_curve(label, values)
        name = f"{who}: average precision {value(AVERAGE_PRECISION, label, values):.3f}"
        lines.append(Line(name, points(recall, precision), who, steps=True))
    title = "Precision and recall (up and right is good)"
    return Panel(title, "recall", "precision", UNIT, UNIT, tuple(lines))


def roc(label: np.ndarray, answers: Answers) -> Panel:
    """True positive rate at each false positive rate."""
    from sklearn.metrics import roc_curve

    lines = []
    for who, values in answers:
        false_positives, true_positives, _ = roc_curve(label, values)
        name = f"{who}: AUROC {value(AUROC, label, values):.3f}"
        lines.append(Line(name, points(false_positives, true_positives), who))
    title = "ROC (up and left is good)"
    return Panel(title, "false positive rate", "true positive rate", UNIT, UNIT, tuple(lines))


def calibration(label: np.ndarray, answers: Answers) -> Panel:
    """Observed rate over mean predicted probability, in ten bins of equal width."""
    from sklearn.calibration import calibration_curve

    lines = []
    for who, values in answers:
        observed, predicted = calibration_curve(label, values, n_bins=CALIBRATION_BINS)
        name = f"{who}: calibration error {value(CALIBRATION_ERROR, label, values):.3f}"
        lines.append(Line(name, points(predicted, observed), who, marks=True))
    title = "Calibration (on the diagonal is good)"
    diagonal = Line("", ((0, 0), (1, 1)), "ideal")
    return Panel(title, "mean predicted probability", "observed rate", UNIT, UNIT, (*lines, diagonal))


def score_histogram(label: np.ndarray, values: np.ndarray) -> Panel:
    """How the model's probabilities are spread, for each class as shares of that class."""
    columns = []
    for of in (0, 1):
        inside = values[label == of]
        if len(inside):
            edges, counts = _histogram(inside, 0, 1)
            heights = tuple(float(f"{count / len(inside):.6g}") for count in counts)
            columns.append(Columns(f"label {of}: {len(inside):,} rows", edges, heights, of))
    title = "Scores by class (apart is good)"
    return Panel(title, "predicted probability", "share of the class", columns=tuple(columns))


# ---------------------------------------------------------------- classes


def confusion(label: np.ndarray, predicted: np.ndarray, title: str, names: Sequence[object] = (0, 1)) -> Panel:
    """Rows by class and predicted class: the count and its share of the row's class, dark where many.

    Args:
        label, predicted: places of classes in ``names``, shape (n,).
    """
    import numpy as np

    classes = len(names)
    pairs = label.astype(int) * classes + predicted.astype(int)
    counts = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    texts: list[tuple[str, ...]] = []
    if classes <= LARGEST_MATRIX:
        for at, share in np.ndenumerate(shares):
            texts.append((f"{counts[at]:,}", *([f"{share:.0%}"] if classes <= LARGEST_MATRIX // 2 else [])))
    plain = tuple(tuple(float(f"{share:.4g}") for share in row) for row in shares)
    return Panel(title, "predicted", "label", cells=Cells(tuple(map(str, names)), plain, tuple(texts)))


def confidence_histogram(label: np.ndarray, probabilities: np.ndarray) -> Panel:
    """The probability of the predicted class, where it was right and where it was wrong."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == label
    columns = []
    for color, (of, name) in enumerate(((~right, "wrong"), (right, "right"))):
        edges, counts = _histogram(confidence[of], 0, 1)
        columns.append(Columns(f"{name}: {int(of.sum()):,} rows", edges, tuple(map(float, counts)), color))
    title = "Confidence (wrong ones to the left is good)"
    return Panel(title, "probability of the predicted class", "rows", columns=tuple(columns))


def pictures(mistakes: Mistakes) -> Panel:
    """Rows that were taken for another class, the surest mistake first, each with what it is and what it was taken for."""
    of = "Most confident mistakes, of {:,} in {:,} rows (few is good)".format(*mistakes.total)
    said = zip(mistakes.label, mistakes.predicted, mistakes.confidence, mistakes.pictures, strict=True)
    shown = (Picture.of(f"{label} taken for {taken}, {sure:.2f}", drawn) for label, taken, sure, drawn in said)
    return Panel(of, pictures=tuple(shown))


# ---------------------------------------------------------------- numbers


def observed_by_prediction(label: np.ndarray, answers: Answers, suffix: str = "") -> Panel:
    """Mean label over mean prediction, in bins of equally many rows."""
    import numpy as np

    lines = []
    for who, values in answers:
        predicted, observed = _means_by_value(values, values, label)
        lines.append(Line(who, points(predicted, observed), who, marks=True))
    known = [number for line in lines for point in line.points for number in point]
    ends = (float(min(known)), float(max(known))) if known else (0.0, 1.0)
    middle = float(np.median(label))
    low, high = min(ends[0], middle), max(ends[1], middle)
    diagonal = Line("", ((low, low), (high, high)), "ideal")
    title = "Observed by predicted (on the diagonal is good)"
    return Panel(title, f"mean prediction{suffix}", f"mean observed{suffix}", lines=(*lines, diagonal))


def coverage_by_prediction(label: np.ndarray, answers: Answers, suffix: str = "") -> Panel:
    """Share of labels inside the interval over mean prediction, in the same bins.

    Args:
        answers: value, lower and upper bound, shape (n, 3) each.
    """
    lines = []
    for who, answer in answers:
        values, lower, upper = answer.T
        predicted, inside = _means_by_value(values, values, (lower <= label) & (label <= upper))
        name = f"{who}: coverage {value(COVERAGE, label, answer):.3f}"
        lines.append(Line(name, points(predicted, inside), who, marks=True))
    xs = [x for line in lines for x, _ in line.points]
    wanted = Line("", ((min(xs), INSIDE), (max(xs), INSIDE)), "ideal")
    title = f"Coverage of intervals (at {INSIDE:g} is good)"
    return Panel(title, f"mean prediction{suffix}", "share inside", y=(0, 1.02), lines=(*lines, wanted))


def interval_widths(answers: Answers, suffix: str = "") -> Panel:
    """Which share of rows has an interval of at most a width, up to the 99th percentile.

    Args:
        answers: value, lower and upper bound, shape (n, 3) each.
    """
    named = [(who, f"mean width {(a[:, 2] - a[:, 1]).mean():.3g}", a[:, 2] - a[:, 1]) for who, a in answers]
    return _shares("Width of intervals (left is good, where they cover)", f"upper - lower{suffix}", named)


def error_shares(label: np.ndarray, answers: Answers, suffix: str = "") -> Panel:
    """Which share of rows has at most an error, up to the 99th percentile."""
    named = [(who, f"mean absolute error {value(MAE, label, v):.3g}", abs(label - v)) for who, v in answers]
    return _shares("Size of errors (up and left is good)", f"|error|{suffix}", named)


def residual_histogram(label: np.ndarray, values: np.ndarray, suffix: str = "") -> Panel:
    """Label minus prediction, without the outermost 1 %."""
    import numpy as np

    residual = label - values
    low, high = map(float, np.quantile(residual, (0.005, 0.995)))
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-9):  # all the same, but for rounding
        low, high = low - 0.5, high + 0.5
    edges, counts = _histogram(residual, low, high)
    columns = Columns(f"mean {residual.mean():.3g}", edges, tuple(map(float, counts)))
    nothing = Line("", ((0, 0), (0, float(max(counts)))), "ideal") if low <= 0 <= high else None
    title = "Residuals (narrow around 0 is good)"
    return Panel(title, f"label - prediction{suffix}", "rows", lines=(nothing,) if nothing else (), columns=(columns,))


def _shares(title: str, x_label: str, named: Sequence[tuple[str, str, np.ndarray]]) -> Panel:
    """Which share of rows has at most a size."""
    import numpy as np

    lines, ends = [], []
    for who, said, sizes in named:
        ordered = np.sort(sizes)
        ends.append(float(np.quantile(ordered, 0.99)) or 1.0)
        shown = slice(0, int(np.searchsorted(ordered, ends[-1], side="right")))
        share = np.arange(1, len(ordered) + 1) / len(ordered)
        lines.append(Line(f"{who}: {said}", points(ordered[shown], share[shown]), who))
    return Panel(title, x_label, "share of rows at most", x=(0, ends[-1]), y=(0, 1.0), lines=tuple(lines))


def _means_by_value(values: np.ndarray, *of: np.ndarray) -> list[np.ndarray]:
    """The means of each ``of`` (n,) in bins of equally many rows by ``values``; rows of equal value share a bin."""
    import numpy as np

    cuts = np.unique(np.quantile(values, np.linspace(0, 1, VALUE_BINS + 1)[1:-1]))
    bin_of = np.searchsorted(cuts, values)
    rows = np.bincount(bin_of)
    used = rows > 0
    return [np.bincount(bin_of, weights=one)[used] / rows[used] for one in of]


def _histogram(values: np.ndarray, low: float, high: float) -> tuple[tuple[float, ...], np.ndarray]:
    import numpy as np

    counts, edges = np.histogram(values, np.linspace(low, high, HISTOGRAM_BINS + 1))
    return tuple(float(f"{edge:.6g}") for edge in edges), counts


# ---------------------------------------------------------------- features


def importance_bars(importance: ByFeature, metric: str) -> Panel:
    """The most important features, by how much the metric is worse with them shuffled."""
    return bars(importance, "Feature importance (long: the model needs it)", f"loss of {metric} when shuffled")


def drift_bars(drift: ByFeature) -> Panel:
    """The most drifted features, with the conventional limits; from 0.25 on in the other colour."""
    title, label = f"Drift against training (under {STABLE_BELOW:g} is stable)", "population stability index"
    if not drift:
        return bars(drift, title, label)
    names, numbers = zip(*drift[:MOST_FEATURES], strict=True)
    held = Bars(names, numbers, limits=(STABLE_BELOW, SHIFTED_ABOVE), marked=SHIFTED_ABOVE)
    return Panel(title, label, x=(0, max(1.2 * SHIFTED_ABOVE, 1.05 * numbers[0])), bars=held)  # both are always seen


def bars(numbers: ByFeature, title: str, x_label: str) -> Panel:
    """The first of some numbers as bars, by name; a panel with nothing in it where there are none."""
    shown = list(numbers[:MOST_FEATURES])
    return Panel(title, x_label, bars=Bars(tuple(n for n, _ in shown), tuple(float(v) for _, v in shown)))
