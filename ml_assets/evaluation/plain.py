"""Numbers of an evaluation in JSON, which has neither NaN nor infinity: what is undefined is null, what is infinite is text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

INFINITY = "Infinity"


def to_plain(of: Any) -> Any:
    """The same with NaN as null and infinities as ``Infinity`` and ``-Infinity``; tuples become lists.

    >>> to_plain({"value": math.inf, "low": math.nan, "high": 0.5})
    {'value': 'Infinity', 'low': None, 'high': 0.5}
    """
    if isinstance(of, Mapping):
        return {key: to_plain(item) for key, item in of.items()}
    if isinstance(of, (list, tuple)):
        return [to_plain(item) for item in of]
    if not isinstance(of, float) or math.isfinite(of):
        return of
    if math.isnan(of):
        return None
    return INFINITY if of > 0 else f"-{INFINITY}"


def from_plain(of: Any) -> Any:
    """A number as ``to_plain`` wrote it; anything else as it is.

    >>> from_plain("-Infinity"), from_plain(None), from_plain("auroc")
    (-inf, nan, 'auroc')
    """
    if of is None:
        return math.nan
    return float(of) if of in (INFINITY, f"-{INFINITY}") else of
