"""What an evaluation leaves behind: the numbers, the rows they come from, and what is drawn of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Judgement:
    """An evaluation as it is stored.

    Attributes:
        report: the Evaluation as JSON.
        scored: one row per judged row, see ``scored_rows``; from it every number can be computed again.
        figure: the model's verdict at a glance: the ``figures.Sheet`` as JSON; of older versions a ``store.Png``.
    """

    report: dict[str, Any]
    scored: pd.DataFrame
    figure: Any
