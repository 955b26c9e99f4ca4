"""What is known of each row when its question is asked."""

from __future__ import annotations

import pandas as pd

from .scale import scaled


def features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"celsius": data["celsius"], "warmth": _warmth(history, data)})


def _warmth(history: pd.DataFrame, data: pd.DataFrame) -> pd.Series:
    usual = history["celsius"].mean() if len(history) else 20.0
    return scaled(data["celsius"] - usual)
