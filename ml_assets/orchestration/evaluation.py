"""model -> evaluation: how good the model is on rows that it has never seen, beside a dumb baseline."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_assets import figures
from ml_assets.drift.statistics import drift_of_features, sampled
from ml_assets.evaluation import checks
from ml_assets.evaluation.importance import permutation_importance
from ml_assets.evaluation.judge import Evaluation, judge_scored
from ml_assets.evaluation.judgement import Judgement
from ml_assets.evaluation.mistakes import Mistakes, mistakes_as_pictures
from ml_assets.evaluation.plain import to_plain
from ml_assets.evaluation.scored_rows import classes_of, scored_rows, values_of
from ml_assets.lineage.markdown import escaped
from ml_assets.lineage.model_card import model_card
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.step import store_of
from ml_assets.orchestration.tables import evaluation_tables
from ml_assets.problem import Metric, Problem
from ml_assets.promotion.unseen import window_of
from ml_assets.store import Handle
from ml_assets.training.model import Unseen, answered_classes, baseline, predict
from ml_assets.training.split import TEST, TRAIN, rows_of

if TYPE_CHECKING:
    import pandas as pd


def evaluation(problem: Problem, context: dg.AssetExecutionContext, model: Handle) -> Made:
    """Judge the model on the test rows."""
    store, split = store_of(context), model.input("split")
    table, roles = window_of(split)
    train, test = rows_of(table, roles, TRAIN), rows_of(table, roles, TEST)
    trained = model.load()
    answer, classes = partial(predict, problem, trained, name=str(model.key)), answered_classes(problem, trained)
    scored = scored_rows(problem, test, answer(test.features), baseline(problem, train, test), classes=classes)
    importance = permutation_importance(problem.metrics[0], test, answer, classes=classes)
    report = judge_scored(
        problem,
        test,
        scored,
        importance=importance.by_feature,
        left_out=importance.left_out,
        drift=drift_of_features(sampled(train).features, test.features),
    )
    sheet = _sheet(problem, scored, report, mistakes_as_pictures(problem, test, scored))
    return Made(
        Judgement(report.to_json(), scored, sheet.to_json()),
        checks=(checks.gates_hold(report.gates),),
        metrics=metrics_of(report),
        notes={
            "rows_judged": report.rows,
            "metrics_in_order": [metric.name for metric in problem.metrics],
            "intervals": report.methods,
            **Unseen().count(trained, test.features).note,
        },
        metadata=evaluation_tables(report),
        about=lambda key: {
            "at_a_glance": dg.MetadataValue.md(_at_a_glance(report, problem.metrics[0])),
            "figures": dg.MetadataValue.md(_inline(sheet)),
            "model_card": dg.MetadataValue.md(model_card(store, key, problem)),
        },
        inputs=(split, *split.inputs("features")),
    )


def metrics_of(report: Evaluation) -> dict[str, Any]:
    """The numbers of an evaluation for the manifest: name -> value, low, high and the baseline's, see ``to_plain``."""
    numbers = {
        name: {
            "value": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "baseline": report.baseline[name].value,
        }
        for name, estimate in report.model.items()
    }
    told: dict[str, Any] = to_plain(numbers)
    return told


def _sheet(problem: Problem, scored: pd.DataFrame, report: Evaluation, mistakes: Mistakes | None) -> figures.Sheet:
    label, model, dumb = scored["label"], values_of(scored), values_of(scored, "baseline")
    metric = problem.metrics[0]
    features: dict[str, Any] = {"importance": report.importance, "drift": report.drift, "metric": metric.name}
    if problem.task == "binary":
        return figures.binary_report(label, model, dumb, **features)
    if problem.task == "multiclass":
        return figures.multiclass_report(label, model, classes=classes_of(scored), mistakes=mistakes, **features)
    unit = "" if metric.unit == "1" else metric.unit
    return figures.regression_report(label, model, dumb, unit, **features)


def _at_a_glance(report: Evaluation, metric: Metric) -> str:
    """The first metric with its interval beside the baseline's, small enough to be seen without a click."""
    model, baseline = report.model[metric.name], report.baseline[metric.name]
    chart = figures.interval_chart(model.value, model.low, model.high, baseline.value, title=metric.name)
    return f"{figures.as_markdown(chart, metric.name)}\n\n{escaped(f'{metric.name}, 95 % interval ({model.method})')}"


def _inline(sheet: figures.Sheet) -> str:
    return figures.as_markdown(figures.draw_small(sheet), sheet.title)
