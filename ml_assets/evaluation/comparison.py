"""Is one model better than another? Only asked of the same rows, and answered with how sure one can be."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.errors import IncomparableEvaluations
from ml_assets.evaluation.intervals import RESAMPLES, improvement, interval, paired_differences
from ml_assets.evaluation.metrics import value, written
from ml_assets.evaluation.scored_rows import paired
from ml_assets.problem import Better

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """Challenger against champion on the same rows.

    Attributes:
        metric, unit: what decides.
        rows: how many rows both were judged on.
        challenger, champion: the metric of each.
        gain: by how much the challenger is better, in the metric's direction; negative if it is worse.
        low, high: 95 % interval of the gain, paired bootstrap.
        by: the gain that promotion asks to be exceeded.
        confidence: share of the resamples in which the gain is more than ``by``; NaN if none has a value.
        undefined: how many resamples had no value and are left out.
    """

    metric: str
    unit: str
    rows: int
    challenger: float
    champion: float
    gain: float
    low: float
    high: float
    by: float
    confidence: float
    undefined: int = 0

    @property
    def sentence(self) -> str:
        """``auroc 0.612 vs champion 0.598 on the same 6,301 rows: better by 0.014, 95 % interval [-0.002, 0.031]``."""
        challenger = written(self.challenger, self.unit, apart_from=self.champion)
        champion = written(self.champion, self.unit, apart_from=self.challenger)
        how = f"{'better' if self.gain >= 0 else 'worse'} by {written(abs(self.gain), self.unit)}"
        if self.gain == 0:
            how = "no better and no worse"
        return (
            f"{self.metric} {challenger} vs champion {champion} on the same {self.rows:,} rows: {how}, "
            f"95 % interval [{written(self.low)}, {written(self.high)}]"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; what is undefined (NaN) becomes null."""
        return {
            name: None if isinstance(item, float) and math.isnan(item) else item for name, item in asdict(self).items()
        }


def compare(
    better: Better,
    *,
    challenger: pd.DataFrame,
    champion: pd.DataFrame,
    names: tuple[str, str] = ("challenger", "champion"),
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare two models by the metric that decides.

    Args:
        challenger, champion: scored rows (see :mod:`ml_assets.evaluation.scored_rows`), the same in the same order.
        names: how to call the two in an error, such as ``("challenger b812…", "champion 07de…")``.
    Raises:
        IncomparableEvaluations: if the two were not judged on the very same rows with the same labels.
    """
    import numpy as np

    _refuse_other_rows(challenger, champion, names)
    label, new, old = paired(challenger, champion)
    gains = paired_differences(better.metric, label, new, old, seed=seed, resamples=resamples)
    known = gains[~np.isnan(gains)]
    values = value(better.metric, label, new), value(better.metric, label, old)
    spread = interval(gains)
    return Comparison(
        metric=better.metric.name,
        unit=better.metric.unit,
        rows=len(label),
        challenger=values[0],
        champion=values[1],
        gain=improvement(better.metric, *values),
        low=spread.low,
        high=spread.high,
        by=better.by,
        confidence=float((known > better.by).mean()) if len(known) else float("nan"),
        undefined=spread.undefined,
    )


def _refuse_other_rows(challenger: pd.DataFrame, champion: pd.DataFrame, names: tuple[str, str]) -> None:
    import numpy as np

    ours, theirs = (frame["entity"].to_numpy() for frame in (challenger, champion))
    if not np.array_equal(ours, theirs):
        fault = _difference(ours, theirs)
    elif not np.array_equal(challenger["label"], champion["label"]):
        changed = int((challenger["label"].to_numpy() != champion["label"].to_numpy()).sum())
        fault = f"the labels of {changed:,} rows differ"
    else:
        return
    raise IncomparableEvaluations(
        f"{names[0]} was judged on {len(ours):,} rows, {names[1]} on {len(theirs):,}: {fault}. "
        "Which is better cannot be told from different rows. "
        f"Evaluate {names[1]} on the rows of {names[0]} first."
    )


def _difference(ours: np.ndarray, theirs: np.ndarray) -> str:
    mine, other = set(ours.tolist()), set(theirs.tolist())
    lone = sorted(mine ^ other, key=str)
    if not lone:
        return "the same rows, but in another order or another number of times"
    return f"{len(mine - other):,} rows are only the former's and {len(other - mine):,} only the latter's, such as {lone[0]!r}"
