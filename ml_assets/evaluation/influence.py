"""By how much each row moves a ranking metric: its derivative by the row's weight, from which follows how much it varies.

Found for all rows by sorting once; of a mean the same is a row's distance from the mean over the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ml_assets.evaluation.metrics import AUROC, AVERAGE_PRECISION, Answers, Counts, Ranking
from ml_assets.problem import Metric

if TYPE_CHECKING:
    import numpy as np

    # of a positive at each threshold; of a negative at it; of a negative between it and the one before, or under the last
    Derivatives = tuple[np.ndarray, np.ndarray, np.ndarray]


def influence(metric: Metric, answers: Answers) -> np.ndarray | None:
    """The derivative of the metric by each row's weight, all being 1, shape (n,), adding up to 0.

    None where it has none that is known, or a class has no rows.
    """
    import numpy as np

    compute, n = metric.compute, len(answers.label)
    if not isinstance(compute, Ranking) or compute not in DERIVATIVES or not 0 < len(answers.thresholds.positives) < n:
        return None
    of = answers.thresholds
    counts = of.counts(np.ones((1, n), dtype=np.int64))
    share = float(compute.summarise(counts)[0])
    by_positive, at_ties, at_others = DERIVATIVES[compute](Counts(*(each[0].astype(float) for each in counts)), share)
    at = np.repeat(
        np.arange(len(of.last) + 1), np.diff(np.concatenate([[-1], of.last, [n - 1]]))
    )  # threshold of each row
    tied = np.arange(n) >= np.append(of.first, n)[at]
    found = np.empty(n)
    found[of.order] = np.where(tied, np.append(at_ties, 0)[at], at_others[at])
    found[of.positives] = np.repeat(by_positive, np.diff(of.last_positive, prepend=-1))
    return found


def _of_area(of: Counts, area: float) -> Derivatives:
    """Of the AUROC: where a row lies among the rows of the other class.

    Source: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44; by sorting as Sun and Xu (2014), IEEE SPL 21.
    """
    import numpy as np

    positives = of.so_far[-1]
    negatives = of.rows - positives
    higher = of.so_far - of.positives  # positives above each threshold
    tied = of.down_to - of.above - of.positives  # negatives at it
    beats = 1 - (of.above - higher + tied / 2) / negatives  # a share of the negatives
    beaten_by = (higher + of.positives / 2) / positives, np.append(higher, positives) / positives
    return (beats - area) / positives, (beaten_by[0] - area) / negatives, (beaten_by[1] - area) / negatives


def _of_precision(of: Counts, area: float) -> Derivatives:
    """Of the average precision: a positive adds its own and changes that of all positives at or below it, a negative only those.

    Source: Jaeckel (1972), The infinitesimal jackknife.
    """
    import numpy as np

    positives = of.so_far[-1]
    gained, lost = of.positives / of.down_to, of.positives * of.so_far / of.down_to**2
    gained, lost = (
        np.cumsum(each[::-1])[::-1] for each in (gained, lost)
    )  # of the positives at or below each threshold
    by_negative = -np.append(lost, 0) / positives
    return (of.so_far / of.down_to + gained - lost - area) / positives, by_negative[:-1], by_negative


DERIVATIVES: dict[object, Callable[[Counts, float], Derivatives]] = {
    AUROC.compute: _of_area,
    AVERAGE_PRECISION.compute: _of_precision,
}
