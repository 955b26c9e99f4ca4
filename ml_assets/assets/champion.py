"""evaluation -> champion: whether this model replaces the one that serves."""

from __future__ import annotations

from ml_assets.assets.declaration import Asset, Input

CHAMPION = Asset(
    name="champion",
    role="decides",
    made_by="ml_assets.orchestration.champion:champion",
    description=lambda problem: (
        "Whether this partition's model became champion, and why. The ledger of champions moves here and by hand."
        + " A better one is proposed here, and serves once somebody approves it." * problem.approval
    ),
    inputs=(Input("evaluation"),),
    follows=("model", "split", "features"),
    uses=(
        *("predict", "promote_when", "approval", "gates", "golden"),
        *("task", "classes", "entity", "event_time", "group", "label"),
    ),
    kinds=("json",),
    serves_training=True,
)
