"""predictions -> failures: what the champion got badly wrong, once the outcomes are known."""

from __future__ import annotations

from typing import cast

import dagster as dg

from ml_assets.evaluation.failures import failures_of
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.step import partition_of
from ml_assets.orchestration.tables import failure_table
from ml_assets.problem import FAILURES, NoRegression, Problem
from ml_assets.store import Handle
from ml_assets.training.window import Window


def failures(problem: Problem, context: dg.AssetExecutionContext, features: Handle, predictions: Handle) -> Made:
    """Compare what was predicted with what came of it."""
    asked = cast("NoRegression", problem.held_to(FAILURES))  # the asset is there only where there is one
    partition = partition_of(context)
    table = Window({partition: features.opened()}).every_row()
    found = failures_of(problem, asked, partition, table, predictions.load())
    return Made(
        found.rows,
        notes={
            "failures": len(found.rows),
            "rows_judged": found.judged,
            "rows_surely_wrong": found.wrong,
            "rows_left_out": found.left_out,
        },
        metadata=failure_table(found.rows),
    )
