"""The framework's own files, as the store keeps them, and ``export.json``.

XGBoost's UBJSON, LightGBM's text, CatBoost's cbm, skops, safetensors, ONNX: each opens with its library alone. It is compared
by reading the model back from the files that were written, not from memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.exports import kept
from ml_assets.exports.asked import Asked
from ml_assets.exports.description import libraries
from ml_assets.store import encode

if TYPE_CHECKING:
    import numpy as np

BY_ENDING = {
    ".skops": "scikit-learn: skops.io.load(FILE, trusted=skops.io.get_untrusted_types(file=FILE)), after looking at these types",
    ".ubj": "XGBoost: Booster(model_file=FILE), XGBClassifier().load_model(FILE)",
    "model.txt": "LightGBM: Booster(model_file=FILE)",
    ".cbm": "CatBoost: CatBoost().load_model(FILE)",
    ".safetensors": "torch: safetensors.torch.load_file(FILE)",
    ".onnx": "ONNX: onnxruntime.InferenceSession(FILE)",
}
LIBRARIES = (
    "scikit-learn",
    "skops",
    "xgboost",
    "xgboost-cpu",
    "lightgbm",
    "catboost",
    "torch",
    "safetensors",
    "transformers",
    "onnx",
    "numpy",
)


def write(asked: Asked, folder: Path) -> dict[str, Any]:
    """Write the files; what ``export.json`` says of them."""
    listed = kept.write(encode(asked.model.estimator), folder)
    names = [one["path"] for one in listed["files"]]
    opens = {name: how for name in names for ending, how in BY_ENDING.items() if name.endswith(ending)}
    return {"opens_with": opens, "libraries": libraries(*LIBRARIES), "content": listed}


def answers(asked: Asked, folder: Path, description: Mapping[str, Any]) -> np.ndarray:
    """What the model says that these files are."""
    return asked.by(replace(asked.model, estimator=kept.read(description["content"], folder)))
