"""What a check found, in words and numbers, without knowing where it will be shown."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

EXAMPLES = 3  # of values
NAMES = 20  # of columns
WAIVED = "waived"
"""In the metadata of a check that failed and blocks nothing: why the problem waives it."""
LONGEST_VALUE = 80  # letters: what comes in may be of any length, and ends up in events, manifests and alerts
LONGEST_RULE = 200


@dataclass(frozen=True)
class CheckOutcome:
    """The result of one check.

    Attributes:
        name: as in the asset's list of checks.
        passed: whether what was checked is as it should be.
        blocking: whether nothing downstream may be made from it if it is not.
        description: one sentence: what was seen, with columns and values, and what to do.
        metadata: plain JSON: the numbers behind the sentence.
    """

    name: str
    passed: bool
    blocking: bool
    description: str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def refuses(self) -> bool:
        """Whether nothing may be made from what was checked."""
        return self.blocking and not self.passed


def waived(outcome: CheckOutcome, reasons: Mapping[str, str]) -> CheckOutcome:
    """The outcome; one that failed and would block, of a check that the problem waives, with the reason and not blocking.

    Args:
        reasons: check -> why it may fail, see ``Problem.waive``.
    """
    why = reasons.get(outcome.name)
    if why is None or outcome.passed or not outcome.blocking:
        return outcome
    said = f"Waived ({why}): {outcome.description}"
    return replace(outcome, blocking=False, description=said, metadata={**outcome.metadata, WAIVED: why})


def short(value: object, longest: int = LONGEST_VALUE) -> str:
    """A value from data as text of bounded length."""
    text = str(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def examples(values: Iterable[object]) -> list[str]:
    """The first few of values, each shortened."""
    return [short(value) for value in itertools.islice(values, EXAMPLES)]


def some(names: Sequence[str]) -> str:
    """Names in a sentence; of many the first, and how many more there are."""
    more = f" and {len(names) - NAMES:,} more" if len(names) > NAMES else ""
    return ", ".join(names[:NAMES]) + more
