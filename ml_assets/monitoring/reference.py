"""What today's rows are held against: the rows that a model was trained on, and those that judged it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.problem import FeatureTable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Reference:
    """What a model was made from, and how it was judged.

    Attributes:
        training: the rows that fitted it, with their keys (entity, event time, group where there are such).
        scored: the rows that judged it, none of which it had seen; a frame as ``scored_rows`` makes it: with ``day`` (``hour``)
            and ``group`` where the problem has them. A ``baseline`` in it is not looked at.
        judged: the features of the rows of ``scored``, in their order, for the estimate of a regression's error; None: that
            is made from the prediction alone.
    """

    training: FeatureTable
    scored: pd.DataFrame
    judged: pd.DataFrame | None = None
