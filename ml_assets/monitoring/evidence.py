"""How surely a day is not one of those before: a p-value for each day, and evidence that may be looked at after every one.

**A day's p-value.** Rows of one day stand and fall together, so a day is held against the spread of days, not of rows: Student's
t for a new value, (x - mean) / (s · sqrt(1 + 1/n)), n - 1 degrees of freedom. Each day joins those before once it was judged:
of independent normal days the p-values are then independent (recursive residuals: Brown, Durbin and Evans 1975). Where days
are not normal, the p-value is the largest of three, so that it holds if any of them does:

    t           with 6 to 10 degrees of freedom, by the days' kurtosis: tails are heavier than sixty days show
    rank        where a day of the reference was as far out: by how many were
    counts      of shares: the chance of so many rows if rows were independent (gamma and Poisson), for what is rare

The spread is at least what single rows make of it, so a number that never varied is nothing to divide by; a day with fewer rows
may vary more. Beyond all days that there were, the tail of the t is an assumption: without one, n days could never say more
than 1 in n, and no break would be found on its first day.

**Looking every day.** Evidence is a number that by chance ever reaches c at most once in c spans, however often it is looked at.
It is the larger of two, each for half of that chance:

    one day     1 / (2 · days of the span · p): what is far out is found on its first day; chances add up to at most their sum.
                Of middle, spread, out of range and missing as many times less as there are columns, at most 30: the more are
                looked at, the farther beyond all days that there were is an alarm, and there real days are odder than the t
    many days   p-values become e-values, k·p^(k-1) for several k (Vovk and Wang 2021, E-values: calibration, combination and
                applications, Ann. Stat. 49(3)), of no single one below 1 in 10,000: what lasts is found so, and no odd day. Their
                product over the days since a change, averaged over k and over the day of
                the change, is a supermartingale, so Ville's inequality holds for it (Ramdas, Grünwald, Vovk and Shafer 2023,
                Game-theoretic statistics and safe anytime-valid inference, Stat. Sci. 38(4)).

**Two looks at a day.** What is answered over HTTP is looked at when its day is over, and once more with all other rows when they
have landed. Each of the two has half of the day's chance: its p-value is twice as large, and of both the smaller one counts. The
first stays as it was. So both are one sequence: what was evidence live is evidence when the rows have landed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.monitoring.numbers import BEYOND, MIDDLE, MISSING, SPREAD, Numbers
from ml_assets.monitoring.report import Evidence

if TYPE_CHECKING:
    import numpy as np

FEWEST_UNITS = 3
LEAST_FREE, MOST_FREE = 6, 10  # with fewer no break is found on its first day; more promise what days do not keep
# the k of the calibrators: small for one day that is far out, large for many that are a little
CALIBRATORS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
SMALLEST_P = 1e-300
MOST_ODD = 30  # times less evidence is such a number of one day; measured on real days, docs/MONITORING_STATISTICS.md
ODDLY = (MISSING, MIDDLE, SPREAD, BEYOND)
LEAST_OF_MANY = 1e-4  # that the p-value of one day counts for among many


def p_by_day(of: Numbers) -> np.ndarray:
    """Two-sided, shape (days, numbers), each day against the reference and the days before it; NaN where there is none."""
    import numpy as np

    found = np.full(of.now.value.shape, np.nan)
    for day in range(len(found)):
        found[day] = _p_of_day(of, day)
    return found


def p_of_all(of: Numbers) -> np.ndarray:
    """Two-sided, shape (1, numbers), of everything now at once, where time is no unit: groups, or rows, are.

    A number within a unit, spread, is none of single rows.
    """
    import numpy as np

    before = of.before
    rows, m, units = before.rows.sum(axis=0), of.now.rows.sum(axis=0), (before.rows > 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, x = (np.nansum(side.value * side.rows, axis=0) / side.rows.sum(axis=0) for side in (before, of.now))
        apart = np.nansum((before.rows * (before.value - mean)) ** 2, axis=0) * units / (units - 1)
        variance = np.maximum(apart / rows**2, of.mean * (1 - of.mean) * of.is_share / rows) * (1 + rows / m)
        p = _tail(abs(x - mean) / np.sqrt(variance), units - 1.0)
    p = np.where(of.is_share, np.fmax(p, _p_of_counts(before.total.sum(axis=0), rows, of.now.total.sum(axis=0), m)), p)
    return _usable(p, of, units, m)[None]


def _p_of_day(of: Numbers, day: int) -> np.ndarray:
    import numpy as np

    before, m = of.before.and_first(of.now, day), of.now.rows[day]
    level, x = of.level(before), of.level(of.now)[day]
    with np.errstate(divide="ignore", invalid="ignore"):
        n = (before.rows > 0).sum(axis=0)
        mean = _mean(level, n)
        spread = _variance(level, n) * (n / (n - 1.0)) ** 2  # scores are those among all days: they shrink
        typical = n / np.where(before.rows > 0, 1 / before.rows, 0).sum(axis=0)  # harmonic: noise goes by 1 / rows
        noise = of.noise(typical)
        variance = np.maximum(spread, noise) * (1 + 1 / n) + np.maximum(0, of.noise(m) - noise)
        p = _tail(abs(x - mean) / np.sqrt(variance), _degrees_of_freedom(level, n))
        p = np.fmax(p, _p_of_rank(level[: len(of.before.value)], mean, x))
    counted = _p_of_counts(before.total.sum(axis=0), before.rows.sum(axis=0), of.now.total[day], m)
    return _usable(np.where(of.is_share, np.fmax(p, counted), p), of, n, m)


def _usable(p: np.ndarray, of: Numbers, units: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """NaN where there are too few units, no row, or nothing that ever varied in the reference: then out of range tells."""
    import numpy as np

    has = (units >= FEWEST_UNITS) & (rows > 0) & (of.is_share | (of.row_variance > 0))
    return np.where(has, np.clip(p, SMALLEST_P, 1), np.nan)


def _mean(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    import numpy as np

    mean: np.ndarray = np.nansum(values, axis=0) / n
    return mean


def _variance(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    import numpy as np

    variance: np.ndarray = np.nansum((values - _mean(values, n)) ** 2, axis=0) / (n - 1)
    return variance


def _degrees_of_freedom(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Those of the t that has the kurtosis of the values, 4 + 6 / excess, but 6 to 10; of few days fewer by one than they are."""
    import numpy as np

    apart = values - _mean(values, n)
    fourth, second = np.nansum(apart**4, axis=0) / n, np.nansum(apart**2, axis=0) / n
    excess = np.nan_to_num(fourth / second**2) - 3
    heavy = np.where(excess > 0, 4 + 6 / np.maximum(excess, 1e-9), np.inf)
    free: np.ndarray = np.minimum(n - 1, np.clip(heavy, LEAST_FREE, MOST_FREE))
    return free


def _tail(z: np.ndarray, free: np.ndarray) -> np.ndarray:
    import numpy as np
    from scipy.special import stdtr

    p: np.ndarray = 2 * stdtr(np.maximum(free, 1), -z)
    return p


def _p_of_rank(reference: np.ndarray, mean: np.ndarray, x: np.ndarray) -> np.ndarray:
    """By how many days of the reference were as far out; 0 where none was."""
    import numpy as np

    as_far = (abs(reference - mean) >= abs(x - mean)).sum(axis=0)
    share: np.ndarray = (1 + as_far) / (1 + (~np.isnan(reference)).sum(axis=0))
    return np.where(as_far > 0, share, 0)


def _p_of_counts(total: np.ndarray, rows: np.ndarray, now: np.ndarray, rows_now: np.ndarray) -> np.ndarray:
    """Of ``now`` hits among ``rows_now`` where ``total`` among ``rows`` were: Poisson with a gamma rate, of the rarer outcome."""
    import numpy as np
    from scipy.special import betainc

    is_rare = 2 * total <= rows
    seen, hits = np.where(is_rare, total, rows - total) + 0.5, np.where(is_rare, now, rows_now - now)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = rows_now / (rows + rows_now)
        at_least = np.where(hits > 0, betainc(np.maximum(hits, 1e-9), np.maximum(seen, 1e-9), part), 1.0)
        at_most = betainc(np.maximum(seen, 1e-9), np.maximum(hits, 0) + 1, 1 - part)
    p: np.ndarray = np.minimum(1, 2 * np.minimum(at_least, at_most))
    return p


# ---------------------------------------------------------------- evidence


LOOKS_AT_A_DAY = 2  # live, and when its rows have landed


@dataclass(frozen=True)
class Earlier:
    """What a live look said of days that are looked at again.

    Attributes:
        of: column -> its evidence.
        goes_on: this look is live, too: days that were looked at stay as they were.
    """

    of: Mapping[str, Evidence]
    goes_on: bool

    def p(self, name: str, p: np.ndarray, names: Sequence[str], at: Sequence[str]) -> np.ndarray:
        """The p-values (days, numbers) of a column with what was said before."""
        import numpy as np

        said = np.full(p.shape, np.nan)
        before = self.of.get(name, Evidence())
        row = {day: one for one, day in enumerate(at)}
        for column, number in enumerate(names):
            for day, value in zip(before.at, before.p.get(number, ()), strict=False):
                said[row[day], column] = value
        was_seen = np.isin(at, before.at)[:, None]
        halved = np.minimum(1, LOOKS_AT_A_DAY * p)
        if self.goes_on:
            return np.where(was_seen, said, halved)
        return np.where(was_seen, np.fmin(said, halved), p)


def grown(p: np.ndarray, looks: int, odd: np.ndarray | float = 1.0) -> np.ndarray:
    """The decimal logarithm of the evidence after each day, shape (days, numbers); days without a p-value add nothing.

    Args:
        p: shape (days, numbers).
        looks: how many days the span has, each as likely as another to be that of the change.
        odd: how many times less a day by itself counts, shape (numbers,).
    """
    import numpy as np

    looks = max(looks, len(p))
    alone = np.maximum.accumulate(-np.nan_to_num(np.log10(p * odd)) - math.log10(looks), axis=0)
    found: np.ndarray = np.maximum(alone, process(np.maximum(p, LEAST_OF_MANY), looks)) - math.log10(2)
    return found


def process(p: np.ndarray, looks: int) -> np.ndarray:
    """That of many days, see the module."""
    import numpy as np

    k = np.array(CALIBRATORS)
    gain = np.nan_to_num(np.log(k) + (k - 1) * np.log(p)[:, :, None])  # (days, numbers, calibrators)
    running, found = np.full(gain.shape[1:], -np.inf), np.zeros(p.shape)
    for day, won in enumerate(gain):
        running = np.logaddexp(running, -math.log(looks)) + won
        to_come = math.log((looks - day - 1) / looks) if looks > day + 1 else -math.inf
        found[day] = np.logaddexp(np.logaddexp.reduce(running, axis=1) - math.log(len(k)), to_come)
    decimal: np.ndarray = found / math.log(10)
    return decimal


def evidence_of(
    p: np.ndarray, names: Sequence[str], at: Sequence[str], *, looks: int, rate: float, things: int, units: int
) -> Evidence:
    """What the p-values of a thing's numbers tell; each number has its share of the rate, as each thing has.

    Args:
        p: shape (days, numbers).
        names: of the numbers.
        at: of the days.
        looks: how many days the span has.
        rate: of false alarms in the span, of all things.
        things: how many are looked at.
        units: how many days the reference has.
    """
    import numpy as np

    if np.isnan(p).all():
        return Evidence(units=units, untold="no day has a number that could be held against those of the reference")
    told = (~np.isnan(p)).any(axis=0)
    odd = np.where(np.isin(names, ODDLY), min(things, MOST_ODD), 1)
    each = grown(p[:, told], looks, odd[told]) - math.log10(told.sum())
    by_day, highest = each.max(axis=1), each.max(axis=0)
    threshold = math.log10(things / rate)
    over = np.flatnonzero(by_day >= threshold)
    return Evidence(
        log10_e=float(by_day.max()),
        threshold=threshold,
        alarm=bool(len(over)),
        suspected=bool(by_day.max() >= -math.log10(rate)),
        first=at[over[0]] if len(over) else "",
        what=np.array(names)[told][highest.argmax()].item(),
        smallest_p=float(np.nanmin(p)),
        by_day=tuple(map(float, by_day)),
        at=tuple(at),
        p={name: tuple(map(float, of)) for name, of in zip(names, p.T, strict=True)},
        units=units,
    )
