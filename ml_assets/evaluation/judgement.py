"""What an evaluation leaves behind: the numbers, and the rows they come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Judgement:
    """An evaluation as it is stored.

    Attributes:
        report: the Evaluation as JSON.
        scored: one row per judged row, see ``scored_rows``; from it every number can be computed again.
        figure: of versions from before there were reports, what is now the ``Report``'s, as JSON or a ``store.Png``; else None.
    """

    report: dict[str, Any]
    scored: pd.DataFrame
    figure: Any = field(default=None, metadata={"added": True})  # not stored any more
