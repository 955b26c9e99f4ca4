"""Numbers that options take: what is none, or is out of range, is refused before anything begins."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """Reads a whole number of an option."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or not lowest <= int(text[:12]) <= highest:
            raise argparse.ArgumentTypeError(f"{text!r}: give a whole number from {lowest} to {highest}")
        return int(text)

    return number


def positive(text: str) -> float:
    """Reads a number of an option."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: give a number, such as 0.5")
    return number
