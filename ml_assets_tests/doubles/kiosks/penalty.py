"""What pulls a line towards flat."""

from __future__ import annotations


def shrunk(slope: float, ridge: float) -> float:
    return slope * 100 / (100 + ridge)
