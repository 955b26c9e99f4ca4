"""An asset that nobody but a test has: one file, and one line in the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.assets import Asset, CheckSpec, Input
from ml_assets.evaluation.checks import CheckOutcome

if TYPE_CHECKING:
    import dagster as dg

    from ml_assets.orchestration.io_manager import Made
    from ml_assets.problem import Problem
    from ml_assets.store import Handle

TALLY = Asset(
    name="tally",
    made_by="ml_assets_tests.doubles.tally:tally",
    description=lambda problem: f"How many rows of `{problem.name}` landed, this time and the time before.",
    inputs=(Input("dataset", span=lambda problem: 2, parameter="datasets"), Input("predictions")),
    uses=("label",),
    checks=(CheckSpec("counted", "There is something to count."),),
    kinds=("json",),
)


def tally(
    problem: Problem, context: dg.AssetExecutionContext, datasets: dict[str, Handle], predictions: Handle
) -> Made:
    """Count."""
    from ml_assets.orchestration.io_manager import Made

    rows = {partition: len(handle.load()) for partition, handle in datasets.items()}
    return Made(
        {"rows": rows, "predicted": len(predictions.load()), "label": problem.label},
        checks=(CheckOutcome("counted", sum(rows.values()) > 0, True, f"{sum(rows.values())} rows landed."),),
    )
