"""features -> split: which rows of the window fit, choose and judge."""

from __future__ import annotations

from ml_assets.assets.declaration import Asset, CheckSpec, Input

SPLIT = Asset(
    name="split",
    role="divides",
    made_by="ml_assets.orchestration.split:split",
    description=lambda problem: f"The role of each row of the window: train, validation or test. `{problem.split}`",
    inputs=(Input("features", span=lambda problem: problem.window),),
    uses=("split", "duplicates", "waive", "entity", "event_time", "label_time", "group", "task"),
    checks=(
        CheckSpec("disjoint", "No row has two roles, and training ends before validation, validation before the test."),
        CheckSpec("once", "No row of the window landed twice; or the newest of each counts."),
        CheckSpec("classes", "Every class occurs where it is needed: in training, validation and test.", waivable=True),
        CheckSpec(
            "groups", "How many groups both fit and judge: none, where the split keeps them whole.", of_group=True
        ),
        CheckSpec(
            "window_complete", "The window has all its partitions; the first ones of a problem cannot.", blocking=False
        ),
    ),
    kinds=("pandas", "parquet"),
    serves_training=True,
    may_skip=True,
)
