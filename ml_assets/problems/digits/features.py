"""The features: the picture's grey values, as fractions of black; and the way back to a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.problems.digits.dataset import DARKEST, PIXELS, SIDE

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def build_features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    """How black each pixel is, 0 to 1: one ``float64`` column per pixel."""
    return data[list(PIXELS)].astype("float64") / DARKEST


def picture(features: pd.DataFrame) -> np.ndarray:
    """The pictures as people see them, black on white: shape (n, 8, 8), 0 (black) to 1 (white)."""
    ink: np.ndarray = features[list(PIXELS)].to_numpy()
    return 1 - ink.reshape(-1, SIDE, SIDE)
