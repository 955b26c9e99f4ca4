"""When were the rows? What is not dated, or dated outside of its partition, is scored and neither trains nor judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.evaluation.checks.outcome import CheckOutcome, examples
from ml_assets.problem import Partition

if TYPE_CHECKING:
    import pandas as pd


def rows_dated(
    frame: pd.DataFrame,
    partition: Partition,
    *,
    entity: str,
    label: str | None,
    event_time: str | None = None,
    label_time: str | None = None,
    may_restate: bool = False,
) -> CheckOutcome:
    """Every row is dated within its partition, and every known label says since when. Does not block.

    The rows that are not take no part in training or judging, see ``training/split.py``; they are scored.

    Args:
        label: column of the label; None for facts, which have none.
        may_restate: whether rows of earlier partitions may land again, and count.
        event_time, label_time: columns of times with a zone, see ``keys_there``; None where the problem has none.
    """
    if event_time is None or partition.start is None:
        return CheckOutcome("dated", True, False, "Nothing to date: no times, or no partitions in time.")
    at = frame[event_time]
    earlier = at < partition.start
    never = at.isna() & False
    masks = {
        "outside": (at >= partition.end) | (earlier & (not may_restate)),
        "undated": at.isna(),
        "label_not_dated": frame[label].notna() & frame[label_time].isna() if label and label_time else never,
    }
    counts = {name: int(mask.fillna(False).sum()) for name, mask in masks.items()}
    before = int(earlier.fillna(False).sum()) if may_restate else 0
    metadata = {"rows": len(frame), "earlier": before, **counts}
    if not any(counts.values()):
        again = f", but for {before:,} of before, which count in windows that hold their time" if before else ""
        said = f"All {len(frame):,} rows are dated within {_span(partition)}{again}."
        return CheckOutcome("dated", True, False, said, metadata)
    examples_of = (examples(frame.loc[masks["outside"].fillna(False), name]) for name in (entity, event_time))
    such = ", ".join(f"{who} at {when}" for who, when in zip(*examples_of, strict=True))
    faults = {
        "outside": f"{counts['outside']:,} are dated outside of {_span(partition)}, such as {such}",
        "undated": f"{counts['undated']:,} have no {event_time!r}",
        "label_not_dated": f"{counts['label_not_dated']:,} have a label and no {label_time!r}, and never fit or choose",
    }
    found = "; ".join(said for name, said in faults.items() if counts[name])
    kept = (
        "What is dated outside or not at all is scored, and neither trains nor judges." if label else "They are kept."
    )
    return CheckOutcome("dated", False, False, f"Of {len(frame):,} rows {found}. {kept}", metadata)


def _span(partition: Partition) -> str:
    return f"{partition.key} ({partition.start:%Y-%m-%d %H:%M} to {partition.end:%Y-%m-%d %H:%M} UTC)"
