"""champion -> audit: what came of the decisions before a partition, now that its outcomes are known."""

from __future__ import annotations

from ml_assets.assets.declaration import Asset, CheckSpec, Input

AUDIT = Asset(
    name="audit",
    role="audits",
    made_by="ml_assets.orchestration.audit:audit",
    description=lambda problem: (
        "Whether the move that this partition was served by was right, and the refusal before it: who served, who would have, "
        "and who was refused, on its rows, which none had seen."
    ),
    inputs=(Input("features"),),
    uses=("predict", "promote_when", "on_regret", "task", "classes", "entity", "event_time", "group", "duplicates"),
    checks=(
        CheckSpec("no_regret", "The champion that was replaced would not have done better, beyond chance.", False),
    ),
    kinds=("pandas",),
    shows=("predict",),
    when=lambda problem: problem.partitions.in_time,
    may_skip=True,
)
