"""A request and its answer, for who keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.serving.loaded import Answer, Loaded

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Answered:
    """One request and its answer.

    Attributes:
        name: what was asked: ``umbrellas``, or ``ice_cream@south/east``.
        loaded: what answered.
        keys: the problem's entity and event time of each row, as far as the request has them.
        features: the same rows as the model was given them.
        raw: whether they were made of raw rows.
    """

    name: str
    request_id: str
    loaded: Loaded
    answer: Answer
    keys: pd.DataFrame
    features: pd.DataFrame
    raw: bool
