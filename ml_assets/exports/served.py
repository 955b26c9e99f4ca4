"""What an exported MLflow folder loads: its stored model, and the problem's own ``predict``, both from the folder.

MLflow finds ``_load_pyfunc`` by the name of this module. Nothing of it is a pickle: the model is read by the codecs that wrote
it, which build only what their lists and the problem's ``artifact_types`` allow.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets import categories
from ml_assets.artifacts import trust_all
from ml_assets.errors import FeatureMismatch, InvalidProblem
from ml_assets.exports import kept
from ml_assets.problem import Problem
from ml_assets.problems import elsewhere
from ml_assets.training.model import TrainedModel, predict

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FILE, CONTENT = "model.json", "content"


@dataclass(frozen=True)
class Served:
    """A model that MLflow asks."""

    problem: Problem
    model: TrainedModel

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
        """The model's answer for each row.

        Raises:
            FeatureMismatch: if a column that it was trained on is missing, or of another type.
        """
        return predict(self.problem, self.model, as_features(self.model, model_input))


def as_features(model: TrainedModel, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with categories where the model was trained on categories: MLflow hands on their values."""
    known = {name: of for name, of in (model.categories or {}).items() if name in rows}
    dtypes = {name: categories.restored(of) for name, of in known.items()}
    return rows.assign(**{n: rows[n].astype(of.categories.dtype).astype("category") for n, of in dtypes.items()})


def _load_pyfunc(path: str) -> Served:
    """The model in a folder that ``mlflow_folder`` wrote."""
    folder = Path(path)
    told = json.loads((folder / FILE).read_text(encoding="utf-8"))
    problem = elsewhere(told["problem"], [told["module"]])
    if problem is None:
        raise InvalidProblem(f"{told['module']} holds no problem {told['problem']}. Export the model again.")
    trust_all([problem])
    model = kept.read(told["content"], folder / CONTENT)
    if not isinstance(model, TrainedModel):
        raise FeatureMismatch(f"{folder} holds a {type(model).__name__}, no trained model. Export the model again.")
    return Served(problem, model)
