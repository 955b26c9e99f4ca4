"""Which features a model lives on: by how much its first metric drops when one feature is shuffled among the rows.

Asked through the problem's ``predict``, so that it holds for any model. Correlated features share their importance: each can be
shuffled while the other still tells. Source: Breiman, Random Forests (2001), sec. 10; Fisher et al. (2019), JMLR 20(177).

**What it costs is bounded**: so many cells of features are predicted from, and no more. Of some 180 features or fewer each is
shuffled. Of more, fewer rows are asked; and where they would be too few, neighbouring features are shuffled together, and the
group that loses most is halved, again and again: few of thousands of features matter, and they are found among the groups that
do. What was never shuffled alone is left out, and that is said, with what its groups lose at most.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.classes import Classes
from ml_assets.evaluation.intervals import improvement
from ml_assets.evaluation.metrics import value, written
from ml_assets.problem import FeatureTable, Metric

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Answer = Callable[[pd.DataFrame], np.ndarray]

ROWS = 2_000  # the same of a split each time; more sharpen little and cost as many predictions
FEWEST_ROWS = 500  # before features are left out
CELLS = 1 << 26  # that are predicted from in all: a second or so
CELLS_AT_ONCE = 1 << 23  # of features handed to one prediction: 64 MiB of floats
HALVED_AT_ONCE = 4

Group = tuple[int, int]  # neighbouring columns, from and up to


@dataclass(frozen=True)
class Importance:
    """What shuffling told.

    Attributes:
        by_feature: feature and drop of the metric, in its unit and direction (positive: the model needs it; about 0 or less: it
            does not), the most important first.
        left_out: which features were not shuffled one by one, and what they lose at most, as a sentence; else empty.
    """

    by_feature: tuple[tuple[str, float], ...] = ()
    left_out: str = ""


def permutation_importance(
    metric: Metric,
    rows: FeatureTable,
    answer: Answer,
    *,
    classes: Classes = (),
    most_rows: int = ROWS,
    most_cells: int = CELLS,
    seed: int = 0,
) -> Importance:
    """By how much ``metric`` is worse with each feature shuffled.

    Args:
        rows: what judges; those without a label are left out, of more than ``most_rows`` a sample is taken.
        answer: predictions for features, shape (n,) or (n, classes).
        classes: see ``metrics.value``.
        most_cells: rows times features that are predicted from in all.
    Returns:
        Nothing where the metric is undefined or infinite on these rows, and no feature that makes it so.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    known, features = np.flatnonzero(~np.isnan(rows.label)), rows.features.shape[1]
    wanted = min(most_rows, max(FEWEST_ROWS, most_cells // max(1, features**2)))
    sample = rows.rows(np.sort(rng.permutation(known)[:wanted]))
    order = rng.permutation(len(sample))
    whole = value(metric, sample.label, answer(sample.features), classes) if len(sample) else math.nan
    if not math.isfinite(whole):
        return Importance()

    def losses(groups: Sequence[Group]) -> Iterator[float]:
        for prediction in _with_one_shuffled(sample.features, groups, order, answer):
            yield float(improvement(metric, whole, value(metric, sample.label, prediction, classes)))

    asked = most_cells // max(1, sample.features.size)
    lost = _of_each(features, losses) if features <= asked else _by_halves(features, losses, asked)
    names = [str(name) for name in sample.features]
    single = [(names[first], loss) for (first, end), loss in lost.items() if end - first == 1 and math.isfinite(loss)]
    by_feature = tuple(sorted(single, key=lambda pair: (-pair[1], pair[0])))
    return Importance(by_feature, _left_out(metric, features, lost))


# ---------------------------------------------------------------- which features are shuffled

Losses = Callable[[Sequence[Group]], Iterator[float]]


def _of_each(features: int, losses: Losses) -> dict[Group, float]:
    groups = [(at, at + 1) for at in range(features)]
    return dict(zip(groups, losses(groups), strict=True))


def _by_halves(features: int, losses: Losses, asked: int) -> dict[Group, float]:
    """What groups lose: an eighth of what may be asked goes to equal groups, the rest to halves of those losing most."""
    count = max(1, asked // 8)
    groups = list(itertools.pairwise(round(features * at / count) for at in range(count + 1)))
    lost = dict(zip(groups, losses(groups), strict=True))
    asked -= len(groups)
    while halved := _largest(lost)[: max(0, min(HALVED_AT_ONCE, asked // 2))]:
        halves = [half for first, end in halved for half in ((first, (first + end) // 2), ((first + end) // 2, end))]
        for group in halved:
            del lost[group]
        lost |= dict(zip(halves, losses(halves), strict=True))
        asked -= len(halves)
    return lost


def _largest(lost: Mapping[Group, float]) -> list[Group]:
    """Groups of several features that lose something, the most first."""
    several = [group for group, loss in lost.items() if group[1] - group[0] > 1 and loss > 0]
    return sorted(several, key=lambda group: (-lost[group], group))


def _left_out(metric: Metric, features: int, lost: Mapping[Group, float]) -> str:
    groups = {group: loss for group, loss in lost.items() if group[1] - group[0] > 1}
    if not groups:
        return ""
    count = sum(end - first for first, end in groups)
    known = [loss for loss in groups.values() if not math.isnan(loss)]
    most = f"that lose at most {written(max(0.0, *known), metric.unit)} of {metric.name}" if known else ""
    return (
        f"{count:,} of {features:,} features were not shuffled one by one but with their neighbours, in {len(groups):,} "
        f"group{'s' * (len(groups) != 1)} {most or f'without which {metric.name} is undefined'}."
    )


# ---------------------------------------------------------------- shuffling


def _with_one_shuffled(
    features: pd.DataFrame, groups: Sequence[Group], order: np.ndarray, answer: Answer
) -> Iterator[np.ndarray]:
    """The predictions with each group shuffled; many groups are answered at once."""
    import pandas as pd

    at_once = max(1, CELLS_AT_ONCE // max(1, features.size))
    for start in range(0, len(groups), at_once):
        some = groups[start : start + at_once]
        predictions = answer(pd.concat([_shuffled(features, group, order) for group in some], ignore_index=True))
        for at in range(len(some)):
            yield predictions[at * len(features) : (at + 1) * len(features)]


def _shuffled(features: pd.DataFrame, group: Group, order: np.ndarray) -> pd.DataFrame:
    """The same table, the columns of a group taken from rows in another order, together."""
    import pandas as pd

    first, end = group
    shuffled = features.iloc[:, first:end].take(order).set_axis(features.index)
    return pd.concat([features.iloc[:, :first], shuffled, features.iloc[:, end:]], axis=1)
