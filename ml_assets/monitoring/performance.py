"""Is a model worse than its evaluation promised? Asked after each day, with evidence that may be looked at each time.

The promise is what the first metric was on each day of the rows that judged the model; what is asked is whether the days since
some day of the span are worse. The evidence is the two-sample t-test as an e-process: the likelihood of what does not depend on
location and scale, under an effect d > 0 in standard deviations of a day, d half normal, over that under none. How unsure the
promise was, with few days, is so part of it; of independent normal days it is exact. It is averaged over the day of the change
and over sizes of the effect.

Days differ much in how hard they are, and the answers know part of it. So the metric is asked about twice, each for half of the
chance: as it is, and beside what the answers themselves let expect of the day, see ``estimate``. The first sees a model that has
become worse and says so, the second one that does not know it.

A metric between 0 and 1 is looked at as a logit, an error as a logarithm: days are nearer to the normal there. A day with fewer
rows than the median weighs less, in proportion.

Sources: Gönen et al. (2005), The Bayesian two-sample t test, Am. Stat. 59(3), for its closed form; Pérez-Ortiz et al. (2024),
E-statistics, group invariance and anytime-valid testing, Ann. Stat. 52(4), for why it may be looked at every day; for the
confidence sequence Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), Time-uniform central limit theory and asymptotic
confidence sequences, Ann. Stat. 52(6).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ml_assets.evaluation.intervals import improvement
from ml_assets.evaluation.jackknife import pseudo_values, standard_error
from ml_assets.evaluation.metrics import Answers, value_of
from ml_assets.evaluation.units import MOST_UNITS, Units
from ml_assets.monitoring.evidence import FEWEST_UNITS, SMALLEST_P, evidence_of
from ml_assets.monitoring.report import Evidence
from ml_assets.problem import Metric

if TYPE_CHECKING:
    import numpy as np

EFFECTS = (0.5, 2.0, 10.0, 100.0)  # variances of the effect, in those of a day


@dataclass(frozen=True)
class Daily:
    """A metric by day.

    Attributes:
        at: the days as text.
        value: of each, NaN where undefined, shape (days,).
        rows: how many each has.
        expected: what the answers let expect of each, shape (days,); None where nobody can say.
    """

    at: tuple[str, ...]
    value: np.ndarray
    rows: np.ndarray
    expected: np.ndarray | None = None

    @property
    def known(self) -> Daily:
        """The days on which it is defined."""
        import numpy as np

        has = np.isfinite(self.value)
        at = tuple(day for day, one in zip(self.at, has, strict=True) if one)
        return Daily(at, self.value[has], self.rows[has], None if self.expected is None else self.expected[has])


def worse_than_promised(metric: Metric, promised: Daily, now: Daily, *, looks: int, rate: float) -> Evidence:
    """Evidence that days of the span are worse than those that judged.

    Args:
        looks: how many days the span has.
        rate: of false alarms in the span.
    """
    import numpy as np

    before, after = promised.known, now.known
    untold = _untold(metric, before, after)
    if untold:
        return Evidence(units=len(before.at), untold=untold)
    usual = float(np.median(before.rows))
    weights = [np.minimum(1, of.rows / usual) for of in (before, after)]
    asked = _asked(metric, before, after)
    each = np.stack([process(*of, *weights, looks=looks) for of in asked.values()]) - math.log10(len(asked))
    by_day = each.max(axis=0)
    threshold = -math.log10(rate)
    over = np.flatnonzero(by_day >= threshold)
    return Evidence(
        log10_e=float(by_day.max()),
        threshold=threshold,
        alarm=bool(len(over)),
        suspected=bool(len(over)),
        first=after.at[over[0]] if len(over) else "",
        what=list(asked)[each.max(axis=1).argmax()],
        by_day=tuple(map(float, by_day)),
        at=after.at,
        units=len(before.at),
    )


def worse_at_once(
    metric: Metric, promised: Answers, now: Answers, units: Units, units_now: Units, *, rate: float
) -> Evidence:
    """The same where time is no unit: all rows at once, one look; groups, or rows, say how sure either side is."""
    import numpy as np
    from scipy.special import stdtr

    sides = ((promised, units), (now, units_now))
    errors = [standard_error(partial(pseudo_values, metric, answers), [of]) for answers, of in sides]
    if not all(map(math.isfinite, errors)) or not any(errors):
        return Evidence(units=units.real, untold=f"how {metric.name} varies cannot be told from so few rows")
    worse = improvement(metric, value_of(metric, promised), value_of(metric, now))
    free = min(of.at_most(MOST_UNITS).degrees_of_freedom for _, of in sides)
    p = float(stdtr(max(free, 1.0), -worse / math.hypot(*errors)))
    of_one = np.array([[np.clip(p, SMALLEST_P, 1)]])
    return evidence_of(of_one, (metric.name,), ("",), looks=1, rate=rate, things=1, units=units.real)


def _untold(metric: Metric, before: Daily, after: Daily) -> str:
    if len(before.at) < FEWEST_UNITS:
        return f"{metric.name} is known of {len(before.at)} days of those that judged, and at least {FEWEST_UNITS} are needed"
    return "" if len(after.at) else f"{metric.name} is not known of any day"


def _asked(metric: Metric, before: Daily, after: Daily) -> dict[str, Sequence[np.ndarray]]:
    """What is asked about: values of the days that judged and of those since."""
    import numpy as np

    plain: dict[str, Sequence[np.ndarray]] = {metric.name: _on_its_scale(metric, before.value, after.value)}
    if before.expected is None or after.expected is None:
        return plain
    if not np.isfinite(np.concatenate([before.expected, after.expected])).all():
        return plain
    came, came_now, said, said_now = _on_its_scale(metric, before.value, after.value, before.expected, after.expected)
    return {**plain, f"{metric.name} beside what answers promise": (came - said, came_now - said_now)}


def _on_its_scale(metric: Metric, *values: np.ndarray) -> list[np.ndarray]:
    """So that more is worse."""
    import numpy as np

    both = np.concatenate(values)
    if metric.higher_is_better and both.min() >= 0 and both.max() <= 1:
        both = np.clip(both, 1e-3, 1 - 1e-3)
        both = np.log1p(-both) - np.log(both)
    elif metric.higher_is_better:
        both = -both
    elif both.min() > 0:
        both = np.log(both)
    return np.split(both, np.cumsum([len(of) for of in values])[:-1])


# ---------------------------------------------------------------- evidence


def process(
    before: np.ndarray, now: np.ndarray, weights: np.ndarray, weights_now: np.ndarray, *, looks: int
) -> np.ndarray:
    """The decimal logarithm of the evidence, after each day, that days since some day are higher, shape (days,)."""
    import numpy as np

    looks = max(looks, len(now))
    found = np.empty(len(now))
    for day in range(len(now)):
        x = np.concatenate([before, now[: day + 1]])
        w = np.concatenate([weights, weights_now[: day + 1]])
        since = [_two_samples(x, w, len(before) + change) for change in range(day + 1)]
        to_come = [math.log(looks - day - 1)] if looks > day + 1 else []
        found[day] = np.logaddexp.reduce([*since, *to_come]) - math.log(looks)
    decimal: np.ndarray = found / math.log(10)
    return decimal


def _two_samples(x: np.ndarray, weights: np.ndarray, first: int) -> float:
    """The natural logarithm of the evidence that ``x`` is higher from ``first`` on."""
    import numpy as np
    from scipy.special import stdtr

    (x0, x1), (w0, w1) = np.split(x, [first]), np.split(weights, [first])
    mean0, mean1 = np.average(x0, weights=w0), np.average(x1, weights=w1)
    free = len(x) - 2
    spread = ((w0 * (x0 - mean0) ** 2).sum() + (w1 * (x1 - mean1) ** 2).sum()) / free
    size = w0.sum() * w1.sum() / weights.sum()
    if spread <= 0:
        return 0.0  # days that never varied: no scale to tell an effect by
    t = (mean1 - mean0) * math.sqrt(size / spread)
    grown = 1 + size * np.array(EFFECTS)
    either = -0.5 * np.log(grown) + (free + 1) / 2 * (math.log1p(t * t / free) - np.log1p(t * t / free / grown))
    z = t * np.sqrt((grown - 1) / grown) / np.sqrt((free + t * t / grown) / (free + 1))
    higher = np.log(np.maximum(2 * stdtr(free + 1.0, z), 1e-300))
    return float(np.logaddexp.reduce(either + higher) - math.log(len(EFFECTS)))


# ---------------------------------------------------------------- what the metric is, day by day


def running(values: Sequence[float], looks: int, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean of the days so far, and an asymptotic confidence sequence for it, tightest at the span's last day.

    Returns:
        Mean, low and high after each day, shape (days,); bounds are NaN of fewer than three days with a value.
    """
    import numpy as np

    x = np.asarray(values, dtype=float)
    known = np.isfinite(x)
    n = known.cumsum()
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, x, 0).cumsum() / n
        spread = np.sqrt(np.maximum(0, np.where(known, x * x, 0).cumsum() / n - mean**2) * n / (n - 1))
        odds = -2 * math.log(1 - confidence)
        rho2 = (odds + math.log(odds + 1)) / max(looks, 1)
        wide = np.sqrt((n * rho2 + 1) / (n * n * rho2) * 2 * np.log(np.sqrt(n * rho2 + 1) / (1 - confidence)))
    reach = np.where(n >= FEWEST_UNITS, spread * wide, np.nan)
    return np.where(n > 0, mean, np.nan), mean - reach, mean + reach
