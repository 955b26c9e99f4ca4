"""Is the gain of one model over another more than chance? A test that keeps its level on few rows, for any metric.

**Units.** Rows are gathered into *units of chance*, see ``units``: whole days, groups, or single rows; of very many, random
groups of them. Units are taken as independent draws from the population that the model will meet.

**Days and groups.** Where rows share a day, and others a group, each is a test of its own and the more cautious decides, with
the spread of both: what the gain varies by is the variance of days plus that of groups, less that of those who share both,
which is counted twice (Cameron, Gelbach and Miller 2011). That is the variance of no single sum, and so it only ever
widens what each test says alone.

**Three tests, and the most cautious decides.**

- *Swaps*: of two models that are equally good, which one gave which answer is a coin's throw, so the two answers of any
  units can be swapped. Exact for every metric at any number of units; for accuracy it is McNemar's exact test. Of m units there
  are only 2^m swaps, which is why at least five are needed for a confidence of 0.95. Of more than 50,000 rows a swap of units is
  taken to change the gain by what they contribute to it (below): of a mean over rows that is the same, of any other metric so
  many rows make it nearly so, and no metric is computed a thousand times over all rows.
- *Student's t* with m - 1 degrees of freedom (fewer where few units hold most of the rows), on what each unit contributes
  to the gain (jackknife pseudo-values; for a mean over single rows, such as MAE or log loss, exactly the differences of the
  two losses). It holds for models that are equally good in different ways, where the contributions are near the normal
  distribution.
- *Hall's t*, corrected for skewness: a challenger that gains a little on most rows and loses much on a few looks
  better than it is on rows that happen to lack the few.

No test of a mean knows of rare losses that it never saw (Bahadur and Savage 1956). With labels of two classes those are
mostly the rows of the rarer class; so each class needs as many rows as the method needs units.

Sources: Fisher (1935), The Design of Experiments; Cameron, Gelbach and Miller (2011), Robust inference with multiway
clustering, J. Bus. Econ. Stat. 29(2); Hartigan (1969), Using subsample values as typical values; Tukey (1958) and
Busing, Meijer and van der Leeden (1999), Delete-m jackknife for unequal m; Hall (1992), On the removal of skewness by
transformation. ``python -m benchmarks.promotion_errors`` prints how often each metric errs, and what it finds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING

from ml_assets.evaluation.intervals import RESAMPLES, improvement
from ml_assets.evaluation.jackknife import FEWEST_FREE, MANY_ROWS, by_unit, pseudo_values, variance, variance_of_all
from ml_assets.evaluation.metrics import Answers, value_of
from ml_assets.evaluation.units import MOST_UNITS, Units, crossed, single_rows
from ml_assets.problem import Metric

if TYPE_CHECKING:
    import numpy as np

METHOD = "the most cautious of {}, Student's t and Hall's t, on {}"
MOST_WANTED = 1e6  # units; where more would be needed, no number would tell
ROUNDS = 20  # to find how many units would tell: few units have a wide t
ROUNDING = 1e-9  # relative; by so little two numbers may differ that are the same


def units_needed(confidence: float) -> int:
    """The fewest units on which swaps can reach a one-sided ``confidence``.

    >>> [units_needed(confidence) for confidence in (0.95, 0.975, 0.99, 0.999)]
    [5, 6, 7, 10]
    """
    return math.ceil(-math.log2(1 - confidence) - ROUNDING)


@dataclass(frozen=True)
class UnitTest:
    """What rows that both models answered say about the gain of the one over the other, taking units for independent.

    Attributes:
        gain: by how much the challenger is better on all rows.
        contributions: what each unit contributes to the gain, shape (m,), with mean ``gain`` where the metric is a mean.
        typical: the gains that would just explain each swap, shape (swaps,), sorted. (Swapping leaves at least as much of what
            exceeds a gain g exactly where its typical value is at most g; of a mean it is that of the swapped units.)
    """

    gain: float
    contributions: np.ndarray
    typical: np.ndarray
    units: Units

    @property
    def swaps_are_exact(self) -> bool:
        """Whether answers were swapped, not what they contribute."""
        return len(self.units.of) <= MANY_ROWS

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
        if not self._is_defined or beyond < 0 or self.units.degrees_of_freedom < FEWEST_FREE:
            return math.nan, math.nan
        ends = [(float(self.typical[beyond]), float(self.typical[-1 - beyond])), *self._around(tail)]
        return min(low for low, _ in ends), max(high for _, high in ends)

    def times_wanted(self, confidence: float, by: float = 0.0) -> float:
        """How many times as many units like these would tell that the gain is more than ``by``; 0: no number."""
        from scipy.special import stdtrit

        m, spread, _ = self._shape
        if not self._is_defined or self.gain <= by:
            return 0.0
        counted = (self.units.degrees_of_freedom + 1) / m  # fewer than there are, where few hold most of the rows
        wanted = needed = units_needed(confidence)
        for _ in range(ROUNDS):
            reach = float(stdtrit(max(FEWEST_FREE, wanted * counted - 1), confidence)) * spread / (self.gain - by)
            wanted = max(needed, math.ceil(min(reach**2, MOST_WANTED)) + 1)
        return wanted / m

    def stretched(self, times: float) -> UnitTest:
        """With a spread that is so many times as wide."""
        middle = self.contributions.mean()
        return replace(
            self,
            contributions=middle + times * (self.contributions - middle),
            typical=self.gain + times * (self.typical - self.gain),
        )

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
        free = self.units.degrees_of_freedom
        student, hall = (float(stdtr(free, -np.sqrt(m - 1) * of)) for of in (at, corrected))
        return student, hall

    def _around(self, tail: float) -> list[tuple[float, float]]:
        """The intervals of both t-tests."""
        from scipy.special import stdtrit

        m, spread, skewness = self._shape
        reach = float(stdtrit(self.units.degrees_of_freedom, 1 - tail)) / math.sqrt(m - 1)
        ends = [(reach, -reach), tuple(_before_correction(at, skewness, m) for at in (reach, -reach))]
        return [(self.gain - spread * low, self.gain - spread * high) for low, high in ends]


def _before_correction(corrected: float, skewness: float, m: int) -> float:
    """The t that Hall's correction makes ``corrected``."""
    if abs(skewness) < 1e-6:
        return corrected
    return 3 / skewness * (math.cbrt(1 + skewness * (corrected - skewness / (6 * m))) - 1)


@dataclass(frozen=True)
class PairedTest:
    """The tests by days, by groups or by rows: the most cautious one decides."""

    tests: tuple[UnitTest, ...]

    @property
    def gain(self) -> float:
        """By how much the challenger is better on all rows."""
        return self.tests[0].gain

    @property
    def units(self) -> str:
        """What was taken for independent: ``7 days``, ``31 days and 214 groups``."""
        return " and ".join(str(test.units) for test in self.tests)

    @property
    def method(self) -> str:
        """Which test decides, on what: ``the most cautious of swaps, Student's t and Hall's t, on 7 days``."""
        exact = self.tests[0].swaps_are_exact
        return METHOD.format("swaps" if exact else "swaps of contributions", self.units)

    def confidence(self, by: float = 0.0) -> float:
        """One minus the p-value of "the gain is at most ``by``"; under 0.5, the p-value of "it is at least that".

        NaN where it has no value: of fewer than two units, or where a metric is infinite or undefined.
        """
        found = [test.confidence(by) for test in self.tests]
        return math.nan if any(map(math.isnan, found)) else (min if self.gain > by else max)(found)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """The gains that no test refuses at (1 - confidence) / 2 on either side; NaN of too few units."""
        lows, highs = zip(*(test.interval(confidence) for test in self.tests), strict=True)
        return (math.nan, math.nan) if any(map(math.isnan, lows)) else (min(lows), max(highs))

    def units_wanted(self, confidence: float, by: float = 0.0) -> tuple[int, str]:
        """How many units like these would tell, and of what, if the gain stays as it is: ``(24, "day")``.

        0 where no number would, or where it is not their number that Student's t lacks.
        """
        times, units = max(((test.times_wanted(confidence, by), test.units) for test in self.tests), key=itemgetter(0))
        return math.ceil(times * units.real) if times > 1 else 0, units.name


def paired_test(
    metric: Metric,
    label: np.ndarray,
    challenger: np.ndarray,
    champion: np.ndarray,
    *,
    units: Sequence[Units] = (),
    seed: int = 0,
    swaps: int = RESAMPLES,
) -> PairedTest:
    """Test the gain of ``challenger`` over ``champion``.

    Args:
        label: shape (n,), no NaN, n > 0.
        challenger, champion: predictions for the same rows in the same order, shape (n,) or (n, k).
        units: what is independent of each other: days, groups, or both; none: single rows.
        seed: of the swaps, and of how very many units are put together.
        swaps: how many are drawn, where there are more.
    """
    import numpy as np

    answers = Answers(label, challenger), Answers(label, champion)
    with np.errstate(invalid="ignore"):  # of infinite metrics: inf - inf
        gain = improvement(metric, *(value_of(metric, of) for of in answers))
        dealt = [of.at_most(MOST_UNITS, seed) for of in units or [single_rows(len(label))]]
        found = [_unit_test(metric, answers, of, gain, _draws(of.count, seed, swaps)) for of in dealt]
        if len(found) > 1:
            both = crossed(*dealt).at_most(MOST_UNITS, seed)
            found = _widened(found, variance(_contributions(metric, answers, both)))
    return PairedTest(tuple(found))


def _unit_test(
    metric: Metric, answers: tuple[Answers, Answers], units: Units, gain: float, draws: np.ndarray
) -> UnitTest:
    contributions = _contributions(metric, answers, units)
    if len(units.of) <= MANY_ROWS:
        typical = _typical(metric, answers, unit=units.of, draws=draws, gain=gain)
    else:
        typical = _typical_of_contributions(contributions, units.sizes, draws, gain)
    return UnitTest(gain, contributions, typical, units)


def _widened(tests: Sequence[UnitTest], of_both: float) -> list[UnitTest]:
    """Each with the spread of all."""
    own = [variance(test.contributions) for test in tests]
    whole = variance_of_all(own, of_both)
    return [
        test.stretched(math.sqrt(whole / alone)) if alone > 0 else test for test, alone in zip(tests, own, strict=True)
    ]


def _contributions(metric: Metric, answers: tuple[Answers, Answers], units: Units) -> np.ndarray:
    """What each unit contributes to the gain."""
    gained: np.ndarray = improvement(metric, *(pseudo_values(metric, of, units) for of in answers))
    return gained


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
    weighed = by_unit(metric, _one_below_the_other(answers), np.concatenate([unit, unit + len(sizes)]))
    sides = (weighed(np.hstack(of)) for of in ((draws, 1 - draws), (1 - draws, draws)))
    swapped, share = improvement(metric, *sides), 1 - draws @ sizes / len(unit)
    return _per_share((gain - swapped, share), (gain + swapped, 1 - share))


def _typical_of_contributions(
    contributions: np.ndarray, sizes: np.ndarray, draws: np.ndarray, gain: float
) -> np.ndarray:
    """The same, where swapping a unit turns the sign of what it contributes to the gain."""
    of_rows = sizes / sizes.sum()
    contributed = (contributions - contributions.mean()) / len(sizes) + gain * of_rows  # adds up to the gain
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
