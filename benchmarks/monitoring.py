"""What monitoring says of flight models, month by month, beside what came: alarms, estimates, and a break that is planted.

    python -m benchmarks.monitoring

The model of each month of 2013, real flights, answers the month that follows. Printed are

    estimated     each metric before outcomes, with its interval, beside what it proved to be, and how often the interval held it
    alarms        what moved in the month, by the day on which it was first sure; and performance
    shuffled      days of the year in random order: nothing moves, so whatever alarms is a false alarm or an odd day, by its name
    planted       a feature in another unit from the middle of the month on: the day on which it is found
    worse         answers that know nothing from the middle of the month on: the day on which performance is an alarm
    simulated     false alarms per year of daily looks where days have heavy tails, or follow each other
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before scikit-learn is loaded: trees are the same with any number

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd

from benchmarks.promotion import MONTHS, features, window_of
from ml_assets.evaluation.scored_rows import scored_rows
from ml_assets.evaluation.units import unit_columns
from ml_assets.monitoring.drift import Asked, drift_of
from ml_assets.monitoring.evidence import MOST_ODD, grown, p_by_day
from ml_assets.monitoring.monitor import ALARMS_PER_YEAR, monitor
from ml_assets.monitoring.numbers import ByUnit, Numbers, Rows
from ml_assets.monitoring.reference import Reference
from ml_assets.monitoring.report import Report, Span
from ml_assets.problem import FeatureTable
from ml_assets.problems.flight_delays import PROBLEM
from ml_assets.training.model import fit, predict
from ml_assets.training.run import Run

PLANTED = {
    "distance": 1.609,
    "plane_seats": 2.0,
    "plane_year": 0.5,
    "origin_landed_3h_delay": 60.0,
}  # kilometres, …, seconds
BREAK_ON = 15  # day of the month
SHUFFLED = 20  # spans


@dataclass(frozen=True)
class Month:
    """The model of one month, and the month that it answers."""

    month: str
    reference: Reference
    model: object

    def report(self, rows: FeatureTable) -> Report:
        """Of rows of the month that follows."""
        return monitor(PROBLEM, self.reference, rows, predict(PROBLEM, self.model, rows.features), span_of(rows))


def main() -> None:
    """Print the tables."""
    reports, broken = {}, {}
    for month, after in pairwise(MONTHS):
        of, rows = model_of(month), features(after)
        reports[after], broken[after] = of.report(rows), of.report(planted(rows))
        print(f"{after}: looked at", flush=True)
    print_estimates(reports)
    print_alarms(reports)
    print_planted(reports, broken)
    print_worse()
    print_shuffled()
    print_simulated()


def print_estimates(reports: dict[str, Report]) -> None:
    """Estimated beside realised."""
    row = "{:8} {:20} {:>26} {:>26} {:>7}"
    print(row.format("month", "metric", "estimated", "realised", "inside"))
    inside: Counter[str] = Counter()
    for month, of in reports.items():
        for name, guess in of.estimated.items():
            came = of.realised[name]
            holds = guess.low <= came.value <= guess.high
            inside[name] += holds
            print(row.format(month, name, _written(guess), _written(came), "yes" if holds else "no"))
    for name, held in inside.items():
        print(f"{name}: {held} of {len(reports)} months inside")


def print_alarms(reports: dict[str, Report]) -> None:
    """What moved."""
    for month, of in reports.items():
        moved = [one for one in of.features if one.evidence.alarm]
        first = Counter(one.evidence.first for one in moved)
        told = ", ".join(f"{one.name} ({one.evidence.what}, {one.evidence.first})" for one in moved[:4])
        scores = "; scores moved" if any(one.evidence.alarm for one in of.scores) else ""
        worse = f"; worse than promised from {of.performance.first}" if of.performance.alarm else ""
        print(f"{month}: {len(moved)} of {len(of.features)} features{scores}{worse}: {told} … {first.most_common(3)}")


def print_planted(reports: dict[str, Report], broken: dict[str, Report]) -> None:
    """The day on which a planted break is found, where the feature did not move before it by itself."""
    for name, times in PLANTED.items():
        days = [_found_after(name, reports[month], of) for month, of in broken.items()]
        print(f"{name} × {times}: found after so many days, by month: {', '.join(days)}")


def planted(rows: FeatureTable) -> FeatureTable:
    """The same with other units from a day on."""
    broken = rows.keys[PROBLEM.event_time].dt.tz_convert(PROBLEM.partitions.clock).dt.day >= BREAK_ON
    changed = {name: rows.features[name].mask(broken, rows.features[name] * by) for name, by in PLANTED.items()}
    return replace(rows, features=rows.features.assign(**changed))


def _found_after(name: str, whole: Report, broken: Report) -> str:
    before, first = (next(f.evidence.first for f in of.features if f.name == name) for of in (whole, broken))
    if first and int(first[-2:]) < BREAK_ON:
        return "moved before"
    return f"{int(first[-2:]) - BREAK_ON}{' (moved later by itself)' if before else ''}" if first else "never"


def print_worse() -> None:
    """From the same day on, answers are those of other flights of the day; and where they are not."""
    days = {"answers of other flights": [], "as it was": []}
    for month, after in pairwise(MONTHS):
        of, rows = model_of(month), features(after)
        held = replace(of.reference, training=_one_column(of.reference.training))
        as_it_was = predict(PROBLEM, of.model, rows.features)
        for what, said in zip(days, (_swapped(as_it_was, rows), as_it_was), strict=True):
            found = monitor(PROBLEM, held, _one_column(rows), said, span_of(rows)).performance
            days[what].append(str(int(found.first[-2:]) - BREAK_ON) if found.alarm else "never")
    for what, found in days.items():
        print(f"{what}: performance is an alarm after so many days, by month: {', '.join(found)}")


def _one_column(rows: FeatureTable) -> FeatureTable:
    return replace(rows, features=rows.features[["distance"]])


def _swapped(said: np.ndarray, rows: FeatureTable) -> np.ndarray:
    said, day = said.copy(), unit_columns(PROBLEM, rows)["day"]
    for _, at in sorted(day[day.dt.day >= BREAK_ON].groupby(day).groups.items()):
        said[at] = np.random.default_rng(0).permutation(said[at])
    return said


def print_shuffled() -> None:
    """Alarms where days come in random order, so that nothing but odd days can be found; January has no history yet."""
    tables = [features(month) for month in MONTHS[1:]]
    values = pd.concat([of.features for of in tables], ignore_index=True)
    day = pd.concat([unit_columns(PROBLEM, of)["day"] for of in tables], ignore_index=True)
    rows_of = [np.asarray(at) for _, at in sorted(day.groupby(day).indices.items())]
    names, found = np.array(sorted(day.unique()), dtype="datetime64[D]"), Counter()
    for seed in range(SHUFFLED):
        picked = np.random.default_rng(seed).choice(len(names), 90, replace=False)
        (before, units), (now, units_now) = (_days(values, rows_of, part) for part in (picked[:60], picked[60:]))
        at = [str(one) for one in names[picked[60:]]]
        asked = Asked(units, units_now, at, True, 30, ALARMS_PER_YEAR / 3 * 30 / 365)
        found.update({one.evidence.first for one in drift_of(before, now, asked) if one.evidence.alarm})
    print(f"shuffled: {SHUFFLED} spans of 30 days, alarms first on {found.most_common()}")


def _days(values: pd.DataFrame, rows_of: list[np.ndarray], days: np.ndarray) -> tuple[pd.DataFrame, Rows]:
    rows = [rows_of[day] for day in days]
    unit = np.repeat(np.arange(len(days)), [len(of) for of in rows])
    return values.iloc[np.concatenate(rows)].reset_index(drop=True), Rows(unit, len(days))


def print_simulated(spans: int = 12_000) -> None:
    """Of one number, and of 80 numbers in all, at a stated rate of 0.05 per year; 60 days of reference."""
    rng = np.random.default_rng(0)
    for name, draw in DAYS_LIKE.items():
        x = draw(rng, (90, spans))
        many = np.full(spans, 0.01)
        before, now = (ByUnit(of, np.full(of.shape, 400.0)) for of in (x[:60], x[60:]))
        p = p_by_day(Numbers(("x",) * spans, many < 0, many, many, before, now))
        highest = {things: grown(p, 30, min(things, MOST_ODD)).max(axis=0) for things in (1, 80)}
        per_year = {n: 12 * n * (of >= np.log10(12 * n / 0.05)).mean() for n, of in highest.items()}
        print(f"simulated, {name}: {', '.join(f'{found:.3f} a year of {n}' for n, found in per_year.items())}")


def _following(rng: np.random.Generator, shape: tuple[int, int], by: float) -> np.ndarray:
    x = rng.normal(size=shape)
    for day in range(1, len(x)):
        x[day] = by * x[day - 1] + np.sqrt(1 - by * by) * x[day]
    return x


DAYS_LIKE = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "a t of 5 degrees": lambda rng, shape: rng.standard_t(5, size=shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape),
    "each 0.3 of the day before": lambda rng, shape: _following(rng, shape, 0.3),
    "each 0.6 of the day before": lambda rng, shape: _following(rng, shape, 0.6),
}


@cache
def model_of(month: str) -> Month:
    """Trained as written, judged on the newest days of its window."""
    data, test = window_of(month)
    model = fit(PROBLEM, data, PROBLEM.params, Run(PROBLEM.seed, lambda said: None))
    return Month(
        month, Reference(data.train, scored_rows(PROBLEM, test, predict(PROBLEM, model, test.features))), model
    )


def span_of(rows: FeatureTable) -> Span:
    """All the month's days."""
    days = unit_columns(PROBLEM, rows)["day"]
    return Span(str(days.min().date()), str(days.max().date()), float(days.nunique()))


def _written(of) -> str:
    return f"{of.value:.3f} [{of.low:.3f}, {of.high:.3f}]"


if __name__ == "__main__":
    main()
