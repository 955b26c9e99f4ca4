"""model -> evaluation: how good the model is on rows that it has never seen, beside a dumb baseline."""

from __future__ import annotations

from ml_assets.assets.declaration import Asset, CheckSpec, Input

EVALUATION = Asset(
    name="evaluation",
    role="judges",
    made_by="ml_assets.orchestration.evaluation:evaluation",
    description=lambda problem: (
        "Metrics with 95 % intervals on the test rows of the split, beside the baseline, and by slice."
    ),
    inputs=(Input("model"),),
    follows=("split", "features"),
    uses=(
        *("predict", "baseline", "metrics", "slices", "gates"),
        *("task", "classes", "entity", "event_time", "group", "label"),
    ),
    checks=(
        CheckSpec(
            "gates",
            "Every absolute requirement on a metric holds; a model that fails one is not promoted.",
            blocking=False,
        ),
    ),
    kinds=("pandas",),
    shows=("predict", "baseline"),
    serves_training=True,
)
