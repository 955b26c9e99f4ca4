"""model -> evaluation: how good the model is on rows that it has never seen, beside a dumb baseline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_assets import figures
from ml_assets.evaluation import checks
from ml_assets.evaluation.judge import Evaluation, judge_scored
from ml_assets.evaluation.judgement import Judgement
from ml_assets.evaluation.scored_rows import scored_rows
from ml_assets.evaluation.slices import SliceScore
from ml_assets.orchestration.asset import CheckSpec, problem_asset, upstream
from ml_assets.orchestration.io_manager import Handle, Made
from ml_assets.orchestration.split import window_of
from ml_assets.problem import Problem
from ml_assets.training.model import predict
from ml_assets.training.split import TEST, TRAIN, rows_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

CHECKS = (CheckSpec("gates", "Every absolute requirement on a metric holds; a model that fails one is not promoted."),)


def evaluation_asset(problem: Problem) -> dg.AssetsDefinition:
    """The asset ``evaluation`` of a problem."""

    @problem_asset(
        problem,
        "evaluation",
        description="Metrics with bootstrap intervals on the test rows of the split, beside the baseline, and by slice.",
        ins={"model": upstream(problem, "model")},
        checks=CHECKS,
    )
    def evaluation(context: dg.AssetExecutionContext, model: Handle) -> Made:
        split = model.input("split")
        table, roles = window_of(split)
        test = rows_of(table, roles, TEST)
        prediction = predict(problem, model.load(), test.features, name=str(model.key))
        baseline = problem.baseline(rows_of(table, roles, TRAIN), test)
        scored = scored_rows(problem, test, prediction, baseline)
        report = judge_scored(problem, test, scored)
        return Made(
            Judgement(report.to_json(), scored, _figure(problem, scored)),
            checks=(checks.gates_hold(report.gates),),
            metrics=metrics_of(report),
            notes={"rows_judged": report.rows, "metrics_in_order": [metric.name for metric in problem.metrics]},
            metadata={"slices": slices_table(report)} if report.slices else {},
            inputs=(split, *split.inputs("features")),
        )

    return evaluation


def metrics_of(report: Evaluation) -> dict[str, Any]:
    """The numbers of an evaluation for the manifest: name -> value, low, high and the baseline's; null where undefined."""
    return {
        name: {
            "value": _defined(estimate.value),
            "low": _defined(estimate.low),
            "high": _defined(estimate.high),
            "baseline": _defined(report.baseline[name].value),
        }
        for name, estimate in report.model.items()
    }


def slices_table(report: Evaluation) -> dg.MetadataValue:
    """The metrics by slice, largest first, as a table for the UI."""
    return dg.MetadataValue.table([dg.TableRecord(_slice_row(score)) for score in report.slices])


def _slice_row(score: SliceScore) -> dict[str, str | int | float | bool | None]:
    metrics = {name: None if number is None else round(number, 4) for name, number in score.scores.items()}
    return {"slice": f"{score.column} = {score.value}", "rows": score.rows, **metrics, "note": score.reason}


def _figure(problem: Problem, scored: pd.DataFrame) -> Figure | None:
    if problem.task == "binary":
        return figures.binary_report(scored["label"], scored["prediction"], scored["baseline"])
    if problem.task == "regression":
        return figures.regression_report(scored["label"], scored["prediction"], scored["baseline"])
    return None


def _defined(number: float) -> float | None:
    return None if math.isnan(number) else number
