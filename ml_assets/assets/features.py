"""dataset -> features: what is known of each row when its question is asked."""

from __future__ import annotations

from ml_assets.assets.declaration import Asset, CheckSpec, Input

FEATURES = Asset(
    name="features",
    role="derives",
    made_by="ml_assets.orchestration.features:features",
    description=lambda problem: (
        "What is known of each row when its question is asked, with its label where the outcome is known."
    ),
    inputs=(Input("dataset", span=lambda problem: problem.lookback + 1, parameter="datasets"),),
    uses=(
        *("features", "duplicates", "leak_strength", "waive"),
        *("entity", "event_time", "label_time", "label", "group", "slices", "task"),
    ),
    checks=(
        CheckSpec(
            "features_sound", "One row per row of data, nothing infinite, no column without any value.", waivable=True
        ),
        CheckSpec("leak", "No single feature predicts the label too well to be true.", waivable=True),
    ),
    kinds=("pandas", "parquet"),
    shows=("features",),
)
