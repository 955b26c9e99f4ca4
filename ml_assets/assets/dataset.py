"""landing -> dataset: what landed for a partition, checked, and as its schema leaves it."""

from __future__ import annotations

from ml_assets.assets.declaration import Asset, CheckSpec, Input
from ml_assets.assets.landing import has_recorded_sources

_AT = {True: " and time", False: ""}  # of facts, and of rows that are to be answered
DATASET = Asset(
    name="dataset",
    role="lands",
    made_by="ml_assets.orchestration.dataset:dataset",
    description=lambda problem: (
        f"What landed for the partition, one row per `{problem.entity}`{_AT[problem.is_group]}.\n\n{problem.description}"
    ),
    inputs=(Input("landing", when=has_recorded_sources),),
    uses=(
        *("dataset", "sources", "schema", "duplicates", "minimum_rows", "maximum_growth", "waive"),
        *("entity", "event_time", "label_time", "task", "classes", "label"),
    ),
    checks=(
        CheckSpec("schema", "Columns, types, ranges and missing values are those of the problem's schema."),
        CheckSpec(
            "volume", "Not fewer rows than the problem's minimum, not many times more than usual.", waivable=True
        ),
        CheckSpec("keys", "What identifies and dates a row, and its label, are there; times have a zone."),
        CheckSpec("unique", "No entity occurs twice; of a feature group, none at one time."),
        CheckSpec("labels", "Labels are of the kind that the problem's task needs.", of_label=True),
        CheckSpec(
            "labelled", "Some labels are known; before the outcomes land, none is.", blocking=False, of_label=True
        ),
        CheckSpec("dated", "Every row is dated within its partition; others train and judge nothing.", blocking=False),
    ),
    kinds=("pandas", "parquet"),
    shows=("dataset", "schema"),
)
