"""split -> model: fitted on the rows that fit, and proven to answer the same after it was stored and loaded again."""

from __future__ import annotations

from ml_assets.assets.declaration import Asset, CheckSpec, Input

FIT = ("ml_assets.training.model:fit", "ml_assets.training.window:Window", "ml_assets.training.split:training_data")
"""The functions that a training begins with, in whatever process or pod it runs."""

MODEL = Asset(
    name="model",
    role="trains",
    made_by="ml_assets.orchestration.model:model",
    description=lambda problem: (
        "Fitted on the train rows of the split, chosen on its validation rows. It has not seen the test rows."
    ),
    inputs=(
        Input("split"),
        Input("study", when=lambda problem: problem.tuning is not None, gives_params=True),
        Input("candidates", when=lambda problem: bool(problem.candidates), gives_params=True),
    ),
    follows=("features",),
    uses=("train", "task", "classes"),  # not predict: its check that it answers the same is about the storing
    begins=("ml_assets.orchestration.model:model", *FIT),
    checks=(CheckSpec("reloads", "The stored model, loaded again, answers bit for bit as it did in training."),),
    kinds=("python",),
    shows=("train", "predict"),
    params="chosen",
    serves_training=True,
)
