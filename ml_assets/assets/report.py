"""evaluation -> report: what the model lives on, where it errs and how its data moved, for people to look at."""

from __future__ import annotations

from ml_assets.assets.declaration import Asset, Input

REPORT = Asset(
    name="report",
    role="explains",
    made_by="ml_assets.orchestration.report:report",
    description=lambda problem: (
        "Importance and drift of features, figures, and the model card. It explains an evaluation; no decision waits for it."
    ),
    inputs=(Input("evaluation"),),
    follows=("model", "split", "features"),
    uses=("predict", "metrics", "picture", "task", "classes"),
    first_metric=True,
    kinds=("markdown",),
    shows=("predict",),
    serves_training=True,
)
