"""champion -> predictions: the rows of a partition, scored by the champion as it was known before the partition began."""

from __future__ import annotations

from ml_assets.assets.declaration import Asset, CheckSpec, Input

PREDICTIONS = Asset(
    name="predictions",
    role="serves",
    made_by="ml_assets.orchestration.predictions:predictions",
    description=lambda problem: (
        "Every row of the partition scored by the champion known before it began; each names its model version."
    ),
    inputs=(Input("features"),),
    uses=("predict", "entity", "event_time", "task", "classes"),
    checks=(
        CheckSpec(
            "served", "There was a champion to predict with; before the first one there is none.", blocking=False
        ),
    ),
    kinds=("pandas", "parquet"),
    shows=("predict",),
)
