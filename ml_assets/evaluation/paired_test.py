"""Is the gain of one model over another more than chance? A test that keeps its level on few rows, for any metric.

**Units.** Rows are gathered into *units of chance*: each row is one, and of many rows `UNITS` equal random groups. Units are
taken as independent draws from the population that the model will meet. Where rows of one day or customer are not, the
true interval is wider than the one given here.

**Three tests, and the most cautious decides.**

- *Swaps*: of two models that are equally good, which one gave which answer is a coin's throw, so the two answers of any
  units can be swapped. Exact for every metric at any number of units; for accuracy it is McNemar's exact test. Of m units there
  are only 2^m swaps, which is why at least five are needed for a confidence of 0.95. Of more than 50,000 rows a swap of units is
  taken to change the gain by what they contribute to it (below): of a mean over rows that is the same, of any other metric so
  many rows make it nearly so, and no metric is computed a thousand times over all rows.
- *Student's t* with m - 1 degrees of freedom, on what each unit contributes to the gain (jackknife pseudo-values; for a mean
  over rows, such as MAE or log loss, exactly the differences of the two losses). It holds for models that are
  equally good in different ways, where the contributions are near the normal distribution.
- *Hall's t*, corrected for skewness: a challenger that gains a little on most rows and loses much on a few looks
  better than it is on rows that happen to lack the few.

No test of a mean knows of rare losses that it never saw (Bahadur and Savage 1956). With labels of two classes those are
mostly the rows of the rarer class; so each class needs as many rows as the method needs units.

Sources: Fisher (1935), The Design of Experiments; Hartigan (1969), Using subsample values as typical values; Tukey (1958) and
Busing, Meijer and van der Leeden (1999), Delete-m jackknife for unequal m; Hall (1992), On the removal of skewness by
transformation. ``python -m benchmarks.promotion_errors`` prints how often each metric errs, and what it finds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ml_assets.evaluation.influence import influence
from ml_assets.evaluation.intervals import CELLS_AT_ONCE, MANY_ROWS, RESAMPLES, improvement
from ml_assets.evaluation.metrics import Answers, Mean, prepared, value_of
from ml_assets.problem import Metric

if TYPE_CHECKING:
    import numpy as np

    from ml_assets.evaluation.metrics import Weighed

UNITS = 200  # a t with 199 degrees of freedom is 0.4 % wider than the normal: more units cost time and tell no more
METHOD = "the most cautious of {}, Student's t and Hall's t"
ROUNDING = 1e-9  # relative; by so little two numbers may differ that are the same


def units_needed(confidence: float) -> int:
    """The fewest units on which swaps can reach a one-sided ``confidence``.

    >>> [units_needed(confidence) for confidence in (0.95, 0.975, 0.99, 0.999)]
    [5, 6, 7, 10]
    """
    return math.ceil(-math.log2(1 - confidence) - ROUNDING)


@dataclass(frozen=True)
class PairedTest:
    """What rows that both models answered say about the gain of the one over the other.

    Attributes:
        gain: by how much the challenger is better on all rows.
        contributions: what each unit contributes to the gain, shape (m,), with mean ``gain`` where the metric is a mean.
        rows: how many rows the units are made of.
        typical: the gains that would just explain each swap, shape (swaps,), sorted. (Swapping leaves at least as much of what
            exceeds a gain g exactly where its typical value is at most g; of a mean it is that of the swapped units.)
    """

    gain: float
    contributions: np.ndarray
    typical: np.ndarray
    rows: int

    @property
    def method(self) -> str:
        """Which test decides, on what: ``the most cautious of swaps, Student's t and Hall's t, on 200 groups of rows``."""
        units = len(self.contributions)
        swaps = METHOD.format("swaps" if self.rows <= MANY_ROWS else "swaps of contributions")
        return f"{swaps}, on {'single rows' if units == self.rows else f'{units:,} random groups of rows'}"

    def confidence(self, by: float = 0.0) -> float:
        """One minus the p-value of "the gain is at most ``by``"; under 0.5, the p-value of "it is at least that".

        NaN where it has no value: of fewer than two units, or where a metric is infinite or undefined.
        """
        if not self._is_defined:
            return math.nan
        if self.gain > by:
            return 1 - min(0.5, max(self._share_at_most(by), *self._p_values(by, 1)))
        return min(0.5, max(1 - self._share_at_most(by, strictly=True), *self._p_values(by, -1)))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """The gains that none of the three tests refuses at (1 - confidence) / 2 on either side; NaN of too few units."""
        tail = (1 - confidence) / 2
        beyond = math.floor(tail * (1 + len(self.typical)) + ROUNDING) - 1
        if not self._is_defined or beyond < 0:
            return math.nan, math.nan
        ends = [(float(self.typical[beyond]), float(self.typical[-1 - beyond])), *self._around(tail)]
        return min(low for low, _ in ends), max(high for _, high in ends)

    @cached_property
    def _is_defined(self) -> bool:
        import numpy as np

        return len(self.contributions) > 1 and bool(
            np.isfinite(self.contributions).all() and np.isfinite(self.typical).all()
        )

    @cached_property
    def _shape(self) -> tuple[int, float, float]:
        """Number, standard deviation and skewness of the contributions."""
        import numpy as np

        apart = self.contributions - self.contributions.mean()
        spread = float(np.sqrt((apart**2).mean()))
        if spread <= ROUNDING * float(abs(self.contributions).max()):
            return len(apart), 0.0, 0.0
        return len(apart), spread, float(((apart / spread) ** 3).mean())

    def _share_at_most(self, by: float, *, strictly: bool = False) -> float:
        """The p-value of swaps; no swap at all counts as one. ``strictly``: without those that explain just ``by``."""
        import numpy as np

        slack = ROUNDING * float(abs(self.typical).max(initial=0.0))
        if strictly:
            return float(np.searchsorted(self.typical, by - slack)) / (1 + len(self.typical))
        return (1 + float(np.searchsorted(self.typical, by + slack, side="right"))) / (1 + len(self.typical))

    def _p_values(self, by: float, side: int) -> tuple[float, float]:
        """Of both t-tests: of a gain at most ``by`` (side 1), or at least that (side -1)."""
        import numpy as np
        from scipy.special import stdtr

        m, spread, skewness = self._shape
        if spread == 0:
            return 0.0, 0.0  # all contributions are the same: only swaps know how little that may mean
        at, skewness = side * (self.gain - by) / spread, side * skewness
        corrected = at + skewness * at**2 / 3 + skewness**2 * at**3 / 27 + skewness / (6 * m)
        student, hall = (float(stdtr(m - 1, -np.sqrt(m - 1) * of)) for of in (at, corrected))
        return student, hall

    def _around(self, tail: float) -> list[tuple[float, float]]:
        """The intervals of both t-tests."""
        from scipy.special import stdtrit

        m, spread, skewness = self._shape
        reach = float(stdtrit(m - 1, 1 - tail)) / math.sqrt(m - 1)
        ends = [(reach, -reach), tuple(_before_correction(at, skewness, m) for at in (reach, -reach))]
        return [(self.gain - spread * low, self.gain - spread * high) for low, high in ends]


def _before_correction(corrected: float, skewness: float, m: int) -> float:
    """The t that Hall's correction makes ``corrected``."""
    if abs(skewness) < 1e-6:
        return corrected
    return 3 / skewness * (math.cbrt(1 + skewness * (corrected - skewness / (6 * m))) - 1)


def paired_test(
    metric: Metric,
    label: np.ndarray,
    challenger: np.ndarray,
    champion: np.ndarray,
    *,
    seed: int = 0,
    swaps: int = RESAMPLES,
) -> PairedTest:
    """Test the gain of ``challenger`` over ``champion``.

    Args:
        label: shape (n,), no NaN, n > 0.
        challenger, champion: predictions for the same rows in the same order, shape (n,) or (n, k).
        seed: of the swaps, and of which rows form a unit.
        swaps: how many are drawn, where there are more.
    """
    import numpy as np

    unit = _dealt(len(label), seed)
    answers = Answers(label, challenger), Answers(label, champion)
    with np.errstate(invalid="ignore"):  # of infinite metrics: inf - inf
        gain = improvement(metric, *(value_of(metric, of) for of in answers))
        contributions = _contributions(metric, answers, unit, gain)
        draws = _draws(int(unit.max()) + 1, seed, swaps)
        if len(label) <= MANY_ROWS:
            typical = _typical(metric, answers, unit=unit, draws=draws, gain=gain)
        else:
            typical = _typical_of_contributions(contributions, np.bincount(unit), draws, gain)
    return PairedTest(gain, contributions, typical, len(label))


def _dealt(rows: int, seed: int) -> np.ndarray:
    """The unit of each row, shape (n,): its own, or of many rows one of UNITS of equal size, give or take a row."""
    import numpy as np

    numbers = np.arange(rows) % UNITS
    return numbers if rows <= UNITS else np.random.default_rng(seed).permutation(numbers)


def _by_unit(metric: Metric, answers: Answers, unit: np.ndarray) -> Weighed:
    """The metric as a function of the weights of units, (b, m): the rows of a unit are counted equally often."""
    weighed = prepared(metric, answers)
    if isinstance(metric.compute, Mean):
        return metric.compute.by_unit(answers, unit)

    def of_units(weights: np.ndarray) -> np.ndarray:
        import numpy as np

        found = [weighed(weights[chunk][:, unit]) for chunk in _chunks(len(weights), len(unit))]
        return np.concatenate(found)

    return of_units


def _contributions(metric: Metric, answers: tuple[Answers, Answers], unit: np.ndarray, gain: float) -> np.ndarray:
    """Jackknife pseudo-values of the gain: with all rows against without the unit's, scaled to the size of a mean unit."""
    import numpy as np

    sizes = np.bincount(unit)
    n, units = len(unit), len(sizes)
    moved = [influence(metric, of) for of in answers] if n > MANY_ROWS else [None]
    if all(of is not None for of in moved):
        return gain + units * np.bincount(unit, weights=improvement(metric, *moved))
    others = 1 - np.eye(units, dtype=np.int32)
    without = improvement(metric, *(_by_unit(metric, of, unit)(others) for of in answers))
    contributions: np.ndarray = (n * gain - (n - sizes) * without) * (units / n) if n > 1 else without
    return contributions


def _one_below_the_other(answers: tuple[Answers, Answers]) -> Answers:
    """The rows of both, 2n: a value without bounds is its own, an unknown class has probability 0."""
    import numpy as np

    said = [of.prediction for of in answers]
    width = max(of.shape[1] if of.ndim > 1 else 0 for of in said)
    if width:
        said = [
            np.pad(of, ((0, 0), (0, width - of.shape[1]))) if of.ndim > 1 else np.repeat(of[:, None], width, axis=1)
            for of in said
        ]
    return Answers(np.concatenate([of.label for of in answers]), np.concatenate(said))


def _typical(
    metric: Metric, answers: tuple[Answers, Answers], *, unit: np.ndarray, draws: np.ndarray, gain: float
) -> np.ndarray:
    """The typical value of each swap, sorted: by how much it lowers the gain, per share of the rows that are swapped.

    The rows of both models lie one below the other, (2n,), and weights choose from which model the answer of each is taken: any
    metric can be computed of models that swapped answers. A draw gives two swaps: those units, and all others.
    """
    import numpy as np

    sizes = np.bincount(unit)
    weighed = _by_unit(metric, _one_below_the_other(answers), np.concatenate([unit, unit + len(sizes)]))
    sides = (weighed(np.hstack(of)) for of in ((draws, 1 - draws), (1 - draws, draws)))
    swapped, share = improvement(metric, *sides), 1 - draws @ sizes / len(unit)
    return _per_share((gain - swapped, share), (gain + swapped, 1 - share))


def _typical_of_contributions(
    contributions: np.ndarray, sizes: np.ndarray, draws: np.ndarray, gain: float
) -> np.ndarray:
    """The same, where swapping a unit turns the sign of what it contributes to the gain."""
    contributed = (contributions - contributions.mean() + gain) / len(sizes)  # adds up to the gain
    share = 1 - draws @ sizes / sizes.sum()
    return _per_share((2 * (1 - draws) @ contributed, share), (2 * draws @ contributed, 1 - share))


def _per_share(*sides: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """What the gain loses by swaps, halved (a swap takes it to its opposite), per share of the rows that they swap; sorted."""
    import numpy as np

    typical: np.ndarray = np.sort(np.concatenate([lost[of > 0] / (2 * of[of > 0]) for lost, of in sides]))
    return typical


def _draws(units: int, seed: int, swaps: int) -> np.ndarray:
    """Which units keep their answers (1), shape (some, m), of each pair of opposite swaps one: all, or at random."""
    import numpy as np

    if 2**units <= 2 * swaps:
        every: np.ndarray = ((np.arange(2 ** (units - 1))[:, None] >> np.arange(units)) & 1).astype(np.int32)
        return every
    drawn = np.random.default_rng(seed).integers(0, 2, size=(-(-swaps // 2), units), dtype=np.int32)
    drawn[drawn.sum(axis=1) % units == 0, 0] ^= 1  # all or none would swap nothing
    return drawn


def _chunks(count: int, width: int) -> Iterator[slice]:
    step = max(1, CELLS_AT_ONCE // max(1, width))
    return (slice(start, start + step) for start in range(0, count, step))
