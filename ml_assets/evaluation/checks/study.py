"""Was the search wide enough, and did its trials come to their ends?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml_assets.evaluation.checks.outcome import CheckOutcome, some
from ml_assets.problem import Range, Tuning

NEAR = 0.02  # of a range: this close to its end, the best may lie beyond
MOST_FAILED = 0.5  # of the trials


def best_is_inside(tuning: Tuning, best: Mapping[str, Any]) -> CheckOutcome:
    """The best value of no parameter lies at the end of its range. Never blocks."""
    at_end = [
        f"{name} ({best[name]:.4g} of {choices.low:g} … {choices.high:g})"
        for name, choices in sorted(tuning.space.items())
        if isinstance(choices, Range) and not NEAR <= _place(choices, best[name]) <= 1 - NEAR
    ]
    if at_end:
        said = f"The best lies at the end of the range of {some(at_end)}: beyond may be better. Widen it."
        return CheckOutcome("inside_space", False, False, said)
    return CheckOutcome("inside_space", True, False, "The best lies inside of all ranges.")


def trials_ended(states: Sequence[str], reasons: Sequence[str]) -> CheckOutcome:
    """Fewer than half of the trials failed. Never blocks: the best of the others is the best there is.

    Args:
        states, reasons: of all trials.
    """
    whys = [why for state, why in zip(states, reasons, strict=True) if state == "failed"]
    metadata = {"trials": len(states), "failed": len(whys)}
    if whys and len(whys) >= MOST_FAILED * len(states):
        said = f"{len(whys)} of {len(states)} trials failed, the first with: {whys[0]} Narrow the space, or mend train."
        return CheckOutcome("trials_ended", False, False, said, metadata)
    return CheckOutcome("trials_ended", True, False, f"{len(whys)} of {len(states)} trials failed.", metadata)


def _place(choices: Range, value: float) -> float:
    """Where it lies between the ends, 0 to 1, as the range is searched; whole numbers at an end are at the end."""
    from math import log

    low, high, at = (log(n) if choices.log else float(n) for n in (choices.low, choices.high, value))
    return (at - low) / (high - low)
