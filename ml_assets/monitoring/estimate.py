"""How good will a model prove? Estimated from what it answers, before an outcome is known.

**Classes.** A calibrated probability says how often an answer will be right: with p the chance of a class, a row counts as p rows
of that class and 1 - p of the others, and any metric of counted rows has the value to expect. That is confidence-based
performance estimation as NannyML describes it (CBPE, nannyml.readthedocs.io, "How it works: estimation of performance").
Probabilities are calibrated on the rows that judged the model, which it had not seen: isotonic where there are many, else
Platt's; several classes one against the others.

**Values.** The loss of a row is predicted by a few boosted trees from the answer, and from features where they are known (direct
loss estimation, ibid.); for metrics that are means of losses. A calibration error is estimated for neither: it is a distance.

**The interval.** On the judged rows the estimate is made, unit by unit, from the other units, and held against what came. By what
it is off there the estimate is corrected; how that varies from day to day (leave one out) says how far it may be off:
s · sqrt(1/days that judged + 1/days now), Student's t. The sampling of outcomes is in it.

**What it cannot see**: that the same answers have come to mean something else (concept drift). It assumes that of rows with equal
answers as many come true as on the judged rows; realised metrics tell whether that held.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ml_assets.evaluation.judge import Estimate
from ml_assets.evaluation.metrics import Answers, Mean, Ranking, prepared, value_of
from ml_assets.evaluation.units import Units
from ml_assets.problem import Metric, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

FEWEST_ROWS = 100
FEWEST_OF_A_CLASS = 10
MANY_ROWS, MANY_OF_A_CLASS = 1_000, 100  # from here on an isotonic calibration has enough to go by
FEWEST_UNITS = 6
MOST_UNITS = 30  # of more, groups of them tell the spread as well
FOLDS = 10


@dataclass(frozen=True)
class Said:
    """What a model answered.

    Attributes:
        prediction: as of ``Metric.compute``.
        features: what else the loss of a value is predicted from, shape (n, k), NaN where missing; None: nothing.
    """

    prediction: np.ndarray
    features: np.ndarray | None = None

    def rows(self, mask: np.ndarray) -> Said:
        """Those where ``mask`` is true, or at its positions."""
        return Said(self.prediction[mask], None if self.features is None else self.features[mask])


@dataclass(frozen=True)
class Judged:
    """The rows that judged a model: what it said, and what came.

    Attributes:
        label: shape (n,), of several classes the place of the class's column.
    """

    said: Said
    label: np.ndarray

    def rows(self, mask: np.ndarray) -> Judged:
        """Those where ``mask`` is true, or at its positions."""
        return Judged(self.said.rows(mask), self.label[mask])


@dataclass(frozen=True)
class Outcomes:
    """What to expect of rows: the chance of each class, shape (n, classes)."""

    prediction: np.ndarray
    chance: np.ndarray

    def rows(self, mask: np.ndarray) -> Outcomes:
        """Those where ``mask`` is true, or at its positions."""
        return Outcomes(self.prediction[mask], self.chance[mask])

    def value(self, metric: Metric) -> float:
        """Of rows that count as often as each class is to be expected."""
        import numpy as np

        rows, classes = self.chance.shape
        label = np.repeat(np.arange(classes), rows).astype(float)
        answers = Answers(label, np.concatenate([self.prediction] * classes))
        return float(prepared(metric, answers)(self.chance.T.reshape(1, -1))[0]) if rows else math.nan


@dataclass(frozen=True)
class Losses:
    """What to expect of rows: the loss of each, shape (n,), of a metric that is their mean."""

    mean: Mean
    loss: np.ndarray

    def rows(self, mask: np.ndarray) -> Losses:
        """Those where ``mask`` is true, or at its positions."""
        return Losses(self.mean, self.loss[mask])

    def value(self, metric: Metric) -> float:
        """What ``metric``, the one that these are losses of, makes of their mean."""
        return float(self.mean.finished(self.loss.mean(axis=0)[None])[0]) if len(self.loss) else math.nan


@dataclass(frozen=True)
class Estimated:
    """Metrics as estimated from answers alone.

    Attributes:
        values: metric -> value with its 95 % interval.
        untold: metric -> why there is none.
        expected: metric -> what was expected of each row.
        left_out: metric -> what was to be expected of each row that judged, by those of other units.
        off: metric -> by what the estimate was corrected.
    """

    values: Mapping[str, Estimate] = field(default_factory=dict)
    untold: Mapping[str, str] = field(default_factory=dict)
    expected: Mapping[str, Outcomes | Losses] = field(default_factory=dict)
    left_out: Mapping[str, Outcomes | Losses] = field(default_factory=dict)
    off: Mapping[str, float] = field(default_factory=dict)

    def of(self, metrics: Sequence[Metric], rows: np.ndarray) -> dict[str, float]:
        """The values of some of the rows alone."""
        return {
            one.name: self.expected[one.name].rows(rows).value(one) + self.off[one.name]
            for one in metrics
            if one.name in self.expected
        }


def estimate(
    task: Task, metrics: Sequence[Metric], judged: Judged, units: Units, said: Said, *, units_now: int, looks: int = 1
) -> Estimated:
    """What each metric will prove to be on the rows of ``said``.

    Args:
        judged: the rows that judged the model.
        units: their units of chance.
        units_now: how many such units the rows of ``said`` are.
        looks: how often one looks as rows become more: the intervals of all looks hold at once.
    """
    untold = {one.name: why for one in metrics if (why := _untold(task, one, judged, said))}
    told = [one for one in metrics if one.name not in untold]
    if not told:
        return Estimated(untold=untold)
    of = units.at_most(MOST_UNITS)
    left_out = _left_out(task, told, judged, of)
    off = {one.name: _off(one, left_out[one.name], judged, of) for one in told}
    expected = _expected(task, told, judged, said)
    reached = partial(_estimate, units=of, units_now=units_now, looks=looks)
    values = {one.name: reached(one, expected[one.name], *off[one.name]) for one in told}
    return Estimated(values, untold, expected, left_out, {name: mean for name, (mean, _) in off.items()})


def _untold(task: Task, metric: Metric, judged: Judged, said: Said) -> str:
    if not len(said.prediction):
        return "there are no rows"
    if len(judged.label) < FEWEST_ROWS:
        return f"{len(judged.label)} rows judged the model, and at least {FEWEST_ROWS} are needed"
    return _untold_of_metric(task, metric, judged) or ("" if task == "regression" else _untold_of_classes(task, judged))


def _untold_of_metric(task: Task, metric: Metric, judged: Judged) -> str:
    of = metric.compute
    if isinstance(of, Mean) and of.loss(judged.label[:2], judged.said.prediction[:2]).ndim > 1:
        return "it is made of distances, which chance in outcomes enlarges: they do not follow from what is expected"
    if isinstance(of, Mean) or (isinstance(of, Ranking) and task != "regression"):
        return ""
    return "it is no mean of losses and no ranking, so it does not follow from what is expected of each row"


def _untold_of_classes(task: Task, judged: Judged) -> str:
    import numpy as np

    rows = np.unique(judged.label, return_counts=True)[1]
    rarest = rows.min() if len(rows) > 1 else 0
    if rarest >= FEWEST_OF_A_CLASS or (rarest and task == "multiclass"):
        return ""
    return f"a class has {rarest} of the rows that judged the model, and at least {FEWEST_OF_A_CLASS} are needed"


def _estimate(
    metric: Metric, expected: Outcomes | Losses, off: float, spread: float, *, units: Units, units_now: int, looks: int
) -> Estimate:
    from scipy.special import stdtrit

    value = expected.value(metric) + off
    if units.count < FEWEST_UNITS or not math.isfinite(spread):
        few = f"no interval: {units.counted} judged the model, and at least {FEWEST_UNITS} are needed"
        return Estimate(value, math.nan, math.nan, method=few)
    quantile = float(stdtrit(units.count - 1, 1 - 0.025 / looks))
    reach = quantile * spread * math.sqrt(1 / units.count + 1 / max(units_now, 1))
    low, high = value - reach, value + reach
    if isinstance(metric.compute, Ranking):
        value, low, high = (min(1.0, max(0.0, one)) for one in (value, low, high))
    return Estimate(value, low, high, method=f"expected of calibrated answers; spread of {units.counted} that judged")


# ---------------------------------------------------------------- how far off it is


def _left_out(task: Task, metrics: Sequence[Metric], judged: Judged, units: Units) -> dict[str, Outcomes | Losses]:
    """What was to be expected of each judged row by those of other units."""
    import numpy as np

    fold = (np.arange(units.count) % FOLDS)[units.of]
    parts = [np.flatnonzero(fold == one) for one in np.unique(fold)]
    order = np.argsort(np.concatenate(parts), kind="stable")
    found = [_expected(task, metrics, judged.rows(_others(rows, len(fold))), judged.said.rows(rows)) for rows in parts]
    return {one.name: _joined([of[one.name] for of in found]).rows(order) for one in metrics}


def _others(rows: np.ndarray, count: int) -> np.ndarray:
    """All positions but these; all where these are all."""
    import numpy as np

    mask = np.ones(count, dtype=bool)
    mask[rows] = False
    return mask if mask.any() else ~mask


def _joined(parts: Sequence[Outcomes | Losses]) -> Outcomes | Losses:
    import numpy as np

    if isinstance(parts[0], Losses):
        return Losses(parts[0].mean, np.concatenate([of.loss for of in parts if isinstance(of, Losses)]))
    outcomes = [of for of in parts if isinstance(of, Outcomes)]
    return Outcomes(np.concatenate([of.prediction for of in outcomes]), np.concatenate([of.chance for of in outcomes]))


def _off(metric: Metric, expected: Outcomes | Losses, judged: Judged, units: Units) -> tuple[float, float]:
    """By what it is off, and the standard deviation of that of one unit (delete-one jackknife)."""
    import numpy as np

    def apart(rows: np.ndarray) -> float:
        came = value_of(metric, Answers(judged.label[rows], judged.said.prediction[rows]))
        return came - expected.rows(rows).value(metric)

    whole = apart(np.arange(len(judged.label)))
    if units.count < FEWEST_UNITS:
        return (whole if math.isfinite(whole) else 0.0), math.nan
    without = np.array([apart(np.flatnonzero(units.of != one)) for one in range(units.count)])
    sizes = units.sizes
    each = whole + (len(units.of) - sizes) * (whole - without) * (
        units.count / len(units.of)
    )  # see jackknife.pseudo_values
    return (whole if math.isfinite(whole) else 0.0), float(np.std(each, ddof=1))


# ---------------------------------------------------------------- what to expect


def _expected(task: Task, metrics: Sequence[Metric], judged: Judged, said: Said) -> dict[str, Outcomes | Losses]:
    if task != "regression":
        outcomes = Outcomes(said.prediction, _chances(judged, said.prediction))
        return {one.name: outcomes for one in metrics}
    means = {one.name: one.compute for one in metrics if isinstance(one.compute, Mean)}
    return {name: Losses(mean, _losses(mean, judged, said)) for name, mean in means.items()}


def _chances(judged: Judged, prediction: np.ndarray) -> np.ndarray:
    """The calibrated chance of each class, shape (n, classes)."""
    import numpy as np

    scores, label = judged.said.prediction, judged.label
    if prediction.ndim == 1:
        chance = _calibrated(scores, label == 1)(prediction)
        return np.stack([1 - chance, chance], axis=1)
    each = [_calibrated(scores[:, k], label == k)(prediction[:, k]) for k in range(prediction.shape[1])]
    chances = np.stack(each, axis=1)
    total = chances.sum(axis=1, keepdims=True)
    return np.where(total > 0, chances / np.where(total > 0, total, 1), prediction)


def _calibrated(score: np.ndarray, happened: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Score -> how often it happens."""
    import numpy as np
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    rarest = min(happened.sum(), (~happened).sum())
    if not rarest:
        return lambda asked: np.full(len(asked), float(happened.mean()))
    if len(score) >= MANY_ROWS and rarest >= MANY_OF_A_CLASS:
        isotonic = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score, happened)
        return lambda asked: np.asarray(isotonic.predict(asked))
    platt = LogisticRegression(C=1e3).fit(_logit(score), happened)
    return lambda asked: np.asarray(platt.predict_proba(_logit(asked))[:, 1])


def _logit(score: np.ndarray) -> np.ndarray:
    import numpy as np

    kept = np.clip(score.astype(float), 1e-6, 1 - 1e-6)
    odds: np.ndarray = np.log(kept / (1 - kept))[:, None]
    return odds


def _losses(mean: Mean, judged: Judged, said: Said) -> np.ndarray:
    loss = mean.loss(judged.label, judged.said.prediction).astype(float)
    seen, asked = _seen(judged.said), _seen(said)
    return _predicted(seen, loss, asked)


def _seen(said: Said) -> np.ndarray:
    import numpy as np

    answers = said.prediction.reshape(len(said.prediction), -1)
    return answers if said.features is None else np.hstack([answers, said.features])


def _predicted(seen: np.ndarray, loss: np.ndarray, asked: np.ndarray) -> np.ndarray:
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingRegressor

    trees = HistGradientBoostingRegressor(
        max_iter=60, max_leaf_nodes=8, min_samples_leaf=max(20, len(loss) // 100), early_stopping=False, random_state=0
    )
    return np.asarray(trees.fit(seen, loss).predict(asked))
