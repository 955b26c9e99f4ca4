"""predictions -> monitoring: how the model that served a partition does there, as outcomes land, and how its data has moved."""

from __future__ import annotations

from ml_assets.assets.declaration import Asset, CheckSpec, Input

MONITORING = Asset(
    name="monitoring",
    role="watches",
    made_by="ml_assets.orchestration.monitoring:monitoring",
    description=lambda problem: (
        "How the model that served this partition does there: the metrics once outcomes are known, as estimated before, and as "
        "promised by its test; how features and answers have moved since its training. Made again as outcomes land."
    ),
    inputs=(Input("features"), Input("predictions")),
    uses=(
        "predict",
        "task",
        "classes",
        "metrics",
        "slices",
        "entity",
        "event_time",
        "label_time",
        "group",
        "duplicates",
    ),
    checks=(
        CheckSpec("inputs_hold", "No feature has moved beyond chance since the training.", False),
        CheckSpec("values_known", "No feature has values that the training never had.", False),
        CheckSpec("scores_hold", "What the model answers has not moved beyond chance since its test.", False),
        CheckSpec(
            "estimate_holds", "Before outcomes are known: the model is estimated to do what its test promised.", False
        ),
        CheckSpec(
            "performance_holds",
            "Once outcomes are known: the model does what its test promised, but for chance.",
            False,
        ),
    ),
    kinds=("pandas",),
    shows=("predict",),
    when=lambda problem: problem.partitions.in_time,
)
