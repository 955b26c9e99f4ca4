"""What a check found, in words and numbers, without knowing where it will be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
