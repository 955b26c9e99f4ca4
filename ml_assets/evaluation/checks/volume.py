"""Did as much land as usual?

*Usual* is told by up to PARTITIONS partitions before, robustly: the larger of

- the median of those on the same day of the week, where partitions are days: Mondays are busy after closed Sundays;
- the NINETIETH percentile of all: a day that opens for the first time, and one that once was too large, change little.

Of days fewer than a week tell nothing: the rhythm of the week is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ml_assets.evaluation.checks.outcome import CheckOutcome

PARTITIONS = 28  # four weeks of days
NINETIETH = 0.9


@dataclass(frozen=True)
class Before:
    """An earlier partition of the same line.

    Attributes:
        weekday: 0 for Monday; None where partitions are no days.
    """

    rows: int
    weekday: int | None = None


def usual_rows(before: Sequence[Before], weekday: int | None = None) -> int | None:
    """How many rows a partition usually has, given those before it; None where that cannot be told."""
    same = [one.rows for one in before if one.weekday == weekday]
    if not same:  # no partition before it, or no day like this one yet
        return None
    of_all = _percentile(sorted(one.rows for one in before))
    return round(max(of_all, median(same)) if weekday is not None else of_all)


def volume(
    rows: int,
    minimum_rows: int,
    *,
    before: Sequence[Before] = (),
    weekday: int | None = None,
    maximum_growth: float | None = None,
) -> CheckOutcome:
    """Not fewer rows than ``minimum_rows``, nor more than ``maximum_growth`` times the usual ones."""
    usual = usual_rows(before, weekday)
    metadata: dict[str, Any] = {"rows": rows, "minimum_rows": minimum_rows, "usual_rows": usual}
    metadata |= {"partitions_before": len(before), "maximum_growth": maximum_growth}
    if rows < minimum_rows:
        said = (
            f"{rows:,} rows landed, at least {minimum_rows:,} are expected. Land the whole file, or lower minimum_rows."
        )
    elif maximum_growth is not None and usual and rows > maximum_growth * usual:
        said = (
            f"{rows:,} rows landed, more than {maximum_growth:g} times the usual {usual:,} (of {len(before)} before). Look "
            "whether the file holds other partitions too, or was appended to itself; where so many are right, raise "
            "maximum_growth, or waive the check."
        )
    else:
        usually = f" Usual are {usual:,}." if usual is not None else ""
        return CheckOutcome("volume", True, True, f"{rows:,} rows landed.{usually}", metadata)
    return CheckOutcome("volume", False, True, said, metadata)


def _percentile(ordered: Sequence[int]) -> float:
    """The ninetieth, between the two values that it lies between (Hyndman and Fan, 1996, definition 7)."""
    at = NINETIETH * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])
