"""Is one model better than another? Only asked of the same rows, and answered with how sure one can be."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.errors import IncomparableEvaluations
from ml_assets.evaluation.intervals import RESAMPLES
from ml_assets.evaluation.metrics import value, written
from ml_assets.evaluation.paired_test import paired_test, units_needed
from ml_assets.evaluation.plain import to_plain
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
        low, high: 95 % interval of the gain; NaN where it has none.
        by: the gain that promotion asks to be exceeded.
        confidence: how sure the rows make it that the gain is more than ``by``: one minus the p-value of "it is not", so a
            rule that asks for 0.95 promotes a model that is no better in at most 5 % of cases. Under 0.5: the p-value of "it
            is". NaN where nothing can be told. It is no probability that the challenger is better.
        too_few: why these rows are too few for the confidence that promotion asks, as a sentence; else empty.
        method: how the confidence was found, and what it took for independent; see ``paired_test``.
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
    too_few: str = ""
    method: str = ""

    @property
    def sentence(self) -> str:
        """``auroc 0.612 vs champion 0.598 on the same 6,301 rows: better by 0.014, 95 % interval [-0.002, 0.031]``."""
        challenger = written(self.challenger, self.unit, apart_from=self.champion)
        champion = written(self.champion, self.unit, apart_from=self.challenger)
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return f"{self.metric} {challenger} vs champion {champion} on the same {rows}: {self.outcome}"

    @property
    def outcome(self) -> str:
        """``better by 0.014, 95 % interval [-0.002, 0.031]``."""
        if math.isnan(self.gain):
            return "which is better has no answer"
        if self.gain == 0:
            how = "no better and no worse"
        else:
            how = f"{'better' if self.gain > 0 else 'worse'} by {written(abs(self.gain), self.unit)}"
        return f"{how}, {self.interval}"

    @property
    def interval(self) -> str:
        """``95 % interval [-0.002, 0.031]``; of the gain."""
        if math.isnan(self.low):
            return "no 95 % interval"
        return f"95 % interval [{written(self.low)}, {written(self.high)}]"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; what is undefined (NaN) becomes null, what is infinite the text ``Infinity`` or ``-Infinity``."""
        told: dict[str, Any] = to_plain(asdict(self))
        return told


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
        seed, resamples: of the swaps, see ``paired_test``.
    Raises:
        IncomparableEvaluations: if the two were not judged on the very same rows with the same labels.
    """
    _refuse_other_rows(challenger, champion, names)
    return compare_answers(better, *paired(challenger, champion), seed=seed, resamples=resamples)


def compare_answers(
    better: Better,
    label: np.ndarray,
    new: np.ndarray,
    old: np.ndarray,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Comparison:
    """The same, of the answers ``new`` (the challenger's) and ``old`` for rows with these labels, shape (n,) or (n, k)."""
    values = value(better.metric, label, new), value(better.metric, label, old)
    too_few = _too_few(better, label, new)
    test = paired_test(better.metric, label, new, old, seed=seed, swaps=resamples)
    low, high = test.interval()
    return Comparison(
        metric=better.metric.name,
        unit=better.metric.unit,
        rows=len(label),
        challenger=values[0],
        champion=values[1],
        gain=test.gain,
        low=low,
        high=high,
        by=better.by,
        confidence=math.nan if too_few else test.confidence(better.by),
        too_few=too_few,
        method=test.method,
    )


def _too_few(better: Better, label: np.ndarray, prediction: np.ndarray) -> str:
    """Why the rows are too few for the confidence that is asked; of two classes each is counted."""
    import numpy as np

    needed = units_needed(better.confidence)
    asks = f"a confidence of {better.confidence:g} needs at least {needed}"
    if len(label) < needed:
        return f"{len(label):,} labelled row{'s' * (len(label) != 1)} judge{'s' * (len(label) == 1)}, and {asks}"
    if prediction.ndim > 1 or not np.isin(label, (0, 1)).all():
        return ""
    rarest, rows = min((0, int((label == 0).sum())), (1, int((label == 1).sum())), key=lambda of: of[1])
    return f"label {rarest} is that of {rows:,} of {len(label):,} rows, and {asks} of each" if rows < needed else ""


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
