"""Markdown around values that come from data: what they contain is shown, never obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_OBEYED = re.compile(r"([\\`*_{}\[\]()<>#!|~$&]|:(?=//))")


def escaped(text: object) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _OBEYED.sub(r"\\\1", " ".join(str(text).split()))


def code(text: object) -> str:
    """Text in the type of code, on one line; backticks, which would end it, become quotes."""
    plain = " ".join(str(text).split()).replace("`", "'").replace("|", "¦")
    return f"`{plain}`" if plain else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
