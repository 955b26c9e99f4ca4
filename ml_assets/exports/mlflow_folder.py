"""stub"""
from __future__ import annotations
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from ml_assets.exports.asked import Asked
if TYPE_CHECKING:
    import numpy as np
def write(asked: Asked, folder: Path) -> dict[str, Any]:
    raise NotImplementedError
def answers(asked: Asked, folder: Path, description: Mapping[str, Any]) -> np.ndarray:
    raise NotImplementedError
