"""Is one model better than another? Only asked of the same rows, and answered with how sure one can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.errors import IncomparableEvaluations
from ml_assets.evaluation.intervals import RESAMPLES
from ml_assets.evaluation.metrics import value, written
from ml_assets.evaluation.paired_test import MOST_WANTED, paired_test, units_needed
from ml_assets.evaluation.plain import to_plain
from ml_assets.evaluation.scored_rows import paired
from ml_assets.evaluation.units import ROW, Units, single_rows, units_in
from ml_assets.problem import Better

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


NUMBERS = ("challenger", "champion", "gain", "low", "high", "confidence")
"""Of a comparison, those that a manifest has as metrics."""


@dataclass(frozen=True)
class WindowScores:
    """What two recipes reach in one window: each trained a model on its rows, and both are judged on the same rows.

    Attributes:
        partition: the window's, with which it ends.
        rows, fitted_on: how many rows judge, and how many each model was fitted on.
        challenger, champion: the metric of each.
        gain: by how much the challenger's is better, in the metric's direction.
        error: the standard error of the gain, by the units of chance of the window's rows.
        units: for how many of them these count: fewer than there are, where few hold most of the rows.
    """

    partition: str
    rows: int
    fitted_on: int
    challenger: float
    champion: float
    gain: float
    error: float
    units: int

    @property
    def tells(self) -> bool:
        """Whether the metric has a value there, and has one without any of the units; an infinite loss tells."""
        return not (
            math.isnan(self.challenger + self.champion) or (math.isnan(self.error) and math.isfinite(self.gain))
        )


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
        units: what was taken for independent: ``7 days``, ``5 windows``; empty of older comparisons.
        would_tell: how many units would tell, if the gain stays as it is: ``24 days``; empty where that is not known.
        windows: of recipes that were compared over several windows, what each window said.
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
    units: str = ""
    would_tell: str = ""
    windows: tuple[WindowScores, ...] = ()

    @property
    def sentence(self) -> str:
        """``auroc 0.612 vs champion 0.598 on the same 6,301 rows: better by 0.014, 95 % interval [-0.002, 0.031]``."""
        challenger = written(self.challenger, self.unit, apart_from=self.champion)
        champion = written(self.champion, self.unit, apart_from=self.challenger)
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        if self.windows:
            span = " to ".join(dict.fromkeys((self.windows[0].partition, self.windows[-1].partition)))
            of = f"mean of {self.units} ({span})"
            return f"{self.metric}, {of}, {challenger} vs champion {champion} on the same {rows}: {self.outcome}"
        of = f" of {self.units}" if self.units and not self.units.endswith((" row", " rows")) else ""
        return f"{self.metric} {challenger} vs champion {champion} on the same {rows}{of}: {self.outcome}"

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

    @property
    def windows_won(self) -> int:
        """In how many windows the challenger's recipe was better."""
        return sum(one.gain > 0 for one in self.windows)

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
    refuse_other_rows(challenger, champion, names)
    answers = paired(challenger, champion)
    return compare_answers(better, *answers, units=units_in(challenger), seed=seed, resamples=resamples)


def compare_answers(
    better: Better,
    label: np.ndarray,
    new: np.ndarray,
    old: np.ndarray,
    *,
    units: Sequence[Units] = (),
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Comparison:
    """The same, of the answers ``new`` (the challenger's) and ``old`` for rows with these labels, shape (n,) or (n, k).

    Args:
        units: what is independent of each other; none: single rows.
    """
    units = units or [single_rows(len(label))]
    values = value(better.metric, label, new), value(better.metric, label, old)
    too_few = next(filter(None, (_too_few(better, label, new, of) for of in units)), "")
    test = paired_test(better.metric, label, new, old, units=units, seed=seed, swaps=resamples)
    low, high = test.interval()
    wanted, unit = test.units_wanted(better.confidence, better.by)
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
        units=" and ".join(of.counted for of in units),
        would_tell=f"{wanted:,} {unit}s" if 0 < wanted < MOST_WANTED else "",
    )


def _too_few(better: Better, label: np.ndarray, prediction: np.ndarray, units: Units) -> str:
    """Why the units are too few for the confidence that is asked; of two classes those that have each are counted."""
    import numpy as np

    needed, name = units_needed(better.confidence), units.name
    asks = f"a confidence of {better.confidence:g} needs at least {needed}"
    if units.count < needed:
        said = units.counted.replace(name, f"labelled {name}") if name == ROW else units.counted
        return f"{said} judge{'s' * (units.count == 1)}, and {asks}: {needed - units.count} more"
    if prediction.ndim > 1 or not np.isin(label, (0, 1)).all():
        return ""
    having = {value: len(np.unique(units.of[label == value])) for value in (0, 1)}
    rarest, found = min(having.items(), key=lambda of: of[1])
    if found >= needed:
        return ""
    return f"label {rarest} is that of {found:,} of {units.counted}, and {asks} of each"


def refuse_other_rows(challenger: pd.DataFrame, champion: pd.DataFrame, names: tuple[str, str]) -> None:
    """Raise IncomparableEvaluations unless both are scored rows of the very same rows with the same labels."""
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
