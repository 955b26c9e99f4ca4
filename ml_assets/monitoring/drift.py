"""Drift of the columns of a table: of features against those of the training, of scores against those of the judged rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ml_assets.drift.statistics import stability
from ml_assets.monitoring.evidence import FEWEST_UNITS, Earlier, evidence_of, p_by_day, p_of_all
from ml_assets.monitoring.numbers import Rows, as_numbers, beyond, kind_of, numbers, unseen
from ml_assets.monitoring.report import Drift, Evidence

if TYPE_CHECKING:
    import pandas as pd

MOST_UNSEEN = 10  # values that are named


@dataclass(frozen=True)
class Asked:
    """What drift is looked for in.

    Attributes:
        units, units_now: the unit of chance of each row.
        at: the units now as text, in order of time; of those that are no time one, empty.
        is_time: whether units are days or hours.
        looks: how many units the span has.
        rate: of false alarms in the span, of all columns.
        earlier: what live looks said of days of the span; ``at`` has these, too.
    """

    units: Rows
    units_now: Rows
    at: Sequence[str]
    is_time: bool
    looks: int
    rate: float
    earlier: Earlier | None = None


def drift_of(before: pd.DataFrame, now: pd.DataFrame, asked: Asked) -> tuple[Drift, ...]:
    """A line for each column of ``before``, the strongest evidence first."""
    found = [_drift(str(name), before[name], now.get(name), asked, before.shape[1]) for name in before]
    return tuple(sorted(found, key=lambda one: (-one.evidence.log10_e, one.name)))


def _drift(name: str, before: pd.Series, now: pd.Series | None, asked: Asked, things: int) -> Drift:
    kind = kind_of(before)
    untold = _untold(before, now, asked)
    if untold or now is None:
        return Drift(name, kind, Evidence(units=asked.units.count, untold=untold))
    of = numbers(before, now, asked.units, asked.units_now)
    p = p_by_day(of) if asked.is_time else p_of_all(of)
    if asked.earlier and asked.is_time:
        p = asked.earlier.p(name, p, of.names, asked.at)
    evidence = evidence_of(
        p, of.names, asked.at, looks=asked.looks, rate=asked.rate, things=things, units=asked.units.count
    )
    kept = evidence.p if asked.earlier and asked.earlier.goes_on else {}
    return replace(_described(name, kind, before, now, asked.units), evidence=replace(evidence, p=kept))


def _untold(before: pd.Series, now: pd.Series | None, asked: Asked) -> str:
    if now is None:
        return "the rows do not have it"
    if not len(now):
        return "there are no rows"
    if kind_of(before) != kind_of(now) and {kind_of(before), kind_of(now)} - {"number", "truth"} and now.notna().any():
        return f"it was a {kind_of(before)} and is a {kind_of(now)}: the model would refuse it"
    if asked.units.count < FEWEST_UNITS:
        return f"the reference has {asked.units.count} days (units of chance), and at least {FEWEST_UNITS} are needed"
    return ""


def _described(name: str, kind: str, before: pd.Series, now: pd.Series, units: Rows) -> Drift:
    unit = units.unit if (units.unit >= 0).all() else None
    index = stability(_finite(before, kind), _finite(now, kind), unit)
    outside = beyond(as_numbers(before), as_numbers(now)).mean() if kind in ("number", "time") else float("nan")
    new = unseen(before, now).map(str).value_counts() if kind == "category" else None
    return Drift(
        name,
        kind,
        Evidence(),
        psi=index.index,
        psi_by_chance=index.by_chance,
        missing_before=float(before.isna().mean()),
        missing=float(now.isna().mean()),
        out_of_range=float(outside),
        unseen=() if new is None else tuple((str(value), int(rows)) for value, rows in new.head(MOST_UNSEEN).items()),
        unseen_rows=0 if new is None else int(new.sum()),
    )


def _finite(column: pd.Series, kind: str) -> pd.Series:
    import pandas as pd

    return column if kind == "category" else pd.Series(as_numbers(column))
