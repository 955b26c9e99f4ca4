"""Is one recipe better than another? Told by several windows: in each both train a model, and are judged on the same rows.

One week says which of two models was better in that week. Which recipe (code and parameters) makes better models is another
question: the gain varies from window to window, and within each by its units of chance (days, groups). So the gain is taken as a
random effect, once as it is and once in standard errors, and the more cautious of the two tests decides:

- *The mean gain.* Within windows it varies as the units of each say; between them by what their gains differ more than that.
- *The mean of standardised gains*, Stouffer's: each window's own t-test as a normal number. A stormy month, in which every gain
  is large and unsure, does not outweigh the others.

Windows that follow each other share rows to train on, so that what varies between them is more alike than if they were
independent: its share of the mean's variance is (1/k + judging rows per fitted row), not 1/k.

Sources: DerSimonian and Laird (1986), Meta-analysis in clinical trials; Stouffer et al. (1949); Satterthwaite (1946), for the
degrees of freedom; Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52, for the overlap.
``python -m benchmarks.promotion`` prints how often it errs on real flights, and what it finds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, variance
from typing import TYPE_CHECKING

from ml_assets.evaluation.comparison import Comparison, WindowScores
from ml_assets.evaluation.intervals import improvement
from ml_assets.evaluation.jackknife import pseudo_values, standard_error
from ml_assets.evaluation.metrics import Answers, value_of
from ml_assets.evaluation.units import MOST_UNITS, Units
from ml_assets.problem import FEWEST_WINDOWS, Better, Metric

if TYPE_CHECKING:
    import numpy as np

MOST_WANTED = 100
SUREST = 6.0  # standard errors: what no window is surer of
TINY = 1e-9
KNOWN = 1e9  # degrees of freedom of a variance that is not estimated


@dataclass(frozen=True)
class _RandomEffect:
    """Student's t on the mean of an effect that windows have.

    Attributes:
        mean: of the windows.
        within: variance of a window's effect by its units of chance.
        between: variance of the effect from window to window, besides.
        free: degrees of freedom of ``within``, of one window.
        overlap: judging rows per fitted row.
    """

    mean: float
    within: float
    between: float
    free: float
    overlap: float

    def confidence(self, windows: int) -> float:
        """That the effect is more than 0, were there so many windows like these."""
        from scipy.special import stdtr

        parts = self.within / windows, self.between * (1 / windows + self.overlap)
        if sum(parts) == 0:
            return 0.5 if self.mean == 0 else float(self.mean > 0)
        free = sum(parts) ** 2 / (parts[0] ** 2 / (windows * self.free) + parts[1] ** 2 / (windows - 1))
        return float(stdtr(free, self.mean / math.sqrt(sum(parts))))


@dataclass(frozen=True)
class _Evidence:
    """What windows say of a gain."""

    scores: Sequence[WindowScores]

    @cached_property
    def gain(self) -> float:
        return fmean(one.gain for one in self.scores)

    def confidence(self, by: float, windows: int = 0) -> float:
        """That the gain is more than ``by``; of so many windows like these. Under 0.5: what speaks for that it is less."""
        found = [effect.confidence(windows or len(self.scores)) for effect in self._effects(by)]
        return max(0.5, min(found)) if self.gain > by else min(0.5, max(found))

    def interval(self) -> tuple[float, float]:
        """The gains that both tests leave open at 0.025 on either side."""
        from scipy.optimize import brentq

        reach = max(abs(one.gain - self.gain) + one.error for one in self.scores)
        if reach == 0:
            return self.gain, self.gain
        far = next(far for far in (reach * 10.0**n for n in range(1, 13)) if self._leaves_out(far))
        low = brentq(lambda by: self.confidence(by) - 0.975, self.gain - far, self.gain - TINY * reach)
        high = brentq(lambda by: self.confidence(by) - 0.025, self.gain + TINY * reach, self.gain + far)
        return float(low), float(high)

    def wanted(self, confidence: float, by: float) -> int:
        """How many windows like these would tell; 0 if no number would."""
        counts = range(FEWEST_WINDOWS, MOST_WANTED) if self.gain > by else ()
        return next((k for k in counts if self.confidence(by, k) >= confidence), 0)

    def _leaves_out(self, far: float) -> bool:
        return self.confidence(self.gain - far) > 0.975 and self.confidence(self.gain + far) < 0.025

    def _effects(self, by: float) -> tuple[_RandomEffect, _RandomEffect]:
        return (
            _RandomEffect(self.gain - by, self._within, self._between, self._free, self._overlap),
            self._standardised(by),
        )

    def _standardised(self, by: float) -> _RandomEffect:
        normal = [_as_normal(one, by) for one in self.scores]
        return _RandomEffect(fmean(normal), 1.0, max(0.0, variance(normal) - 1), KNOWN, self._overlap)

    @cached_property
    def _within(self) -> float:
        return fmean(one.error**2 for one in self.scores)

    @cached_property
    def _between(self) -> float:
        """As DerSimonian and Laird have it; where a window has as good as no error, by the plain variance of gains."""
        gains, errors = [one.gain for one in self.scores], [one.error for one in self.scores]
        if min(errors) <= TINY * max(errors):
            return variance(gains)
        weights = [error**-2 for error in errors]
        whole = sum(weights)
        mean = sum(w * gain for w, gain in zip(weights, gains, strict=True)) / whole
        spread = sum(w * (gain - mean) ** 2 for w, gain in zip(weights, gains, strict=True))
        return max(0.0, (spread - len(gains) + 1) / (whole - sum(w**2 for w in weights) / whole))

    @cached_property
    def _free(self) -> float:
        return max(1.0, fmean(one.units - 1 for one in self.scores))

    @cached_property
    def _overlap(self) -> float:
        return fmean(one.rows / max(1, one.fitted_on) for one in self.scores)


def _as_normal(one: WindowScores, by: float) -> float:
    """A window's own t-test of a gain of more than ``by``, as a normal number."""
    from scipy.special import ndtri, stdtr

    apart = one.gain - by
    if one.error == 0:
        return math.copysign(SUREST, apart) if apart else 0.0
    z = float(ndtri(stdtr(max(1, one.units - 1), apart / one.error)))
    return max(-SUREST, min(SUREST, z))


def window_scores(
    metric: Metric,
    label: np.ndarray,
    new: np.ndarray,
    old: np.ndarray,
    units: Sequence[Units],
    *,
    of: str,
    fitted_on: int,
) -> WindowScores:
    """What a challenger (``new``, shape (n,) or (n, k)) and a champion answer for the labels (n,) of a window.

    Args:
        units: of the rows.
        of: the partition with which the window ends.
        fitted_on: how many rows each model was fitted on.
    """
    answers = Answers(label, new), Answers(label, old)
    one, other = (value_of(metric, answer) for answer in answers)
    error = standard_error(lambda by: improvement(metric, *(pseudo_values(metric, an, by) for an in answers)), units)
    counted = 1 + min(by.at_most(MOST_UNITS).degrees_of_freedom for by in units)
    return WindowScores(of, len(label), fitted_on, one, other, improvement(metric, one, other), error, round(counted))


def compare_windows(better: Better, scores: Sequence[WindowScores], lacking: str = "") -> Comparison:
    """Compare two recipes by the metric that decides.

    Args:
        scores: of each window, oldest first.
        lacking: why there are not more of them, as a sentence.
    """
    metric, count = better.metric, len(scores)
    is_few = count < FEWEST_WINDOWS or not all(math.isfinite(one.gain + one.error) for one in scores)
    told = None if is_few else _Evidence(scores)
    low, high = told.interval() if told else (math.nan, math.nan)
    wanted = told.wanted(better.confidence, better.by) if told else 0
    return Comparison(
        metric=metric.name,
        unit=metric.unit,
        rows=sum(one.rows for one in scores),
        challenger=_mean(one.challenger for one in scores),
        champion=_mean(one.champion for one in scores),
        gain=_mean(one.gain for one in scores),
        low=low,
        high=high,
        by=better.by,
        confidence=told.confidence(better.by) if told else math.nan,
        too_few=_too_few(count, better.windows, lacking) if count < FEWEST_WINDOWS else "",
        method=f"random effects of {count} windows, as gains and standardised, the more cautious; {_per_window(scores)}",
        units=f"{count} window{'s' * (count != 1)}",
        would_tell=f"{wanted} windows" if wanted else "",
        windows=tuple(scores),
    )


def _per_window(scores: Sequence[WindowScores]) -> str:
    found = sorted({one.units for one in scores})
    units = f"{'-'.join(map(str, found[:: max(1, len(found) - 1)]))} unit{'s' * (found != [1])} of chance in each"
    return units if found else "no window"


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return fmean(found) if found else math.nan


def _too_few(count: int, asked: int, lacking: str) -> str:
    few = f"both recipes can be judged on {count} of the {asked} windows that promotion asks"
    said = f"{few}, and at least {FEWEST_WINDOWS} are needed"
    return f"{said}; {lacking}" if lacking else said
