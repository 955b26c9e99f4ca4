"""Which features a model lives on: by how much its first metric drops when one feature is shuffled among the rows.

Asked through the problem's ``predict``, so that it holds for any model. Correlated features share their importance: each can be
shuffled while the other still tells. Source: Breiman, Random Forests (2001), sec. 10; Fisher et al. (2019), JMLR 20(177).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ml_assets.classes import Classes
from ml_assets.evaluation.intervals import improvement
from ml_assets.evaluation.metrics import value
from ml_assets.problem import FeatureTable, Metric

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ROWS = 2_000  # the same of a split each time; more sharpen little and cost as many predictions
CELLS_AT_ONCE = 1 << 23  # of features handed to one prediction: 64 MiB of floats


def permutation_importance(
    metric: Metric,
    rows: FeatureTable,
    answer: Callable[[pd.DataFrame], np.ndarray],
    *,
    classes: Classes = (),
    most_rows: int = ROWS,
    seed: int = 0,
) -> tuple[tuple[str, float], ...]:
    """By how much ``metric`` is worse with each feature shuffled, the most important first.

    Args:
        rows: what judges; those without a label are left out, of more than ``most_rows`` a sample is taken.
        answer: predictions for features, shape (n,) or (n, classes).
        classes: see ``metrics.value``.
    Returns:
        feature and drop, in the metric's unit and direction (positive: the model needs it; about 0 or less: it does not);
        nothing where the metric is undefined or infinite on these rows, and no feature that makes it so.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    known = np.flatnonzero(~np.isnan(rows.label))
    sample = rows.rows(np.sort(rng.permutation(known)[:most_rows]))
    order = rng.permutation(len(sample))
    whole = value(metric, sample.label, answer(sample.features), classes) if len(sample) else math.nan
    if not math.isfinite(whole):
        return ()
    found = [
        (name, improvement(metric, whole, value(metric, sample.label, prediction, classes)))
        for name, prediction in _with_one_shuffled(sample.features, order, answer)
    ]
    finite = [(name, drop) for name, drop in found if math.isfinite(drop)]
    return tuple(sorted(finite, key=lambda pair: (-pair[1], pair[0])))


def _with_one_shuffled(
    features: pd.DataFrame, order: np.ndarray, answer: Callable[[pd.DataFrame], np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """Each feature's name and the predictions with it shuffled; many features are answered at once."""
    import pandas as pd

    at_once = max(1, CELLS_AT_ONCE // max(1, features.size))
    names = list(features.columns)
    for start in range(0, len(names), at_once):
        group = names[start : start + at_once]
        predictions = answer(pd.concat([_shuffled(features, name, order) for name in group], ignore_index=True))
        for at, name in enumerate(group):
            yield str(name), predictions[at * len(features) : (at + 1) * len(features)]


def _shuffled(features: pd.DataFrame, name: str, order: np.ndarray) -> pd.DataFrame:
    shuffled = features.copy(deep=False)
    shuffled[name] = features[name].take(order).set_axis(features.index)
    return shuffled
