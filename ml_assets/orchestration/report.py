"""evaluation -> report: what the model lives on, where it errs and how its data moved, for people to look at."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_assets import figures
from ml_assets.drift.statistics import drift_of_features, sampled
from ml_assets.evaluation.explanation import Explanation, Report
from ml_assets.evaluation.importance import permutation_importance
from ml_assets.evaluation.mistakes import mistakes_as_pictures
from ml_assets.evaluation.scored_rows import classes_of, values_of
from ml_assets.lineage.model_card import model_card
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.step import store_of
from ml_assets.orchestration.tables import explanation_tables
from ml_assets.problem import FeatureTable, Problem
from ml_assets.promotion.unseen import window_of
from ml_assets.store import Handle
from ml_assets.training.model import answered_classes, predict
from ml_assets.training.split import TEST, TRAIN, rows_of

if TYPE_CHECKING:
    import pandas as pd


def report(problem: Problem, context: dg.AssetExecutionContext, evaluation: Handle) -> Made:
    """Explain the evaluation; it decides nothing."""
    store, model, split = store_of(context), evaluation.input("model"), evaluation.input("split")
    table, roles = window_of(split)
    train, test = rows_of(table, roles, TRAIN), rows_of(table, roles, TEST)
    trained = model.load()
    importance = permutation_importance(
        problem.metrics[0],
        test,
        partial(predict, problem, trained, name=str(model.key)),
        classes=answered_classes(problem, trained),
    )
    drift = drift_of_features(sampled(train).features, test.features)
    explained = Explanation(importance.by_feature, drift, importance.left_out)
    sheet = _sheet(problem, evaluation.load().scored, test, explained)
    return Made(
        Report(explained.to_json(), sheet.to_json()),
        metadata=explanation_tables(explained),
        about=lambda key: {
            "figures": dg.MetadataValue.md(figures.as_markdown(figures.draw_small(sheet), sheet.title)),
            "model_card": dg.MetadataValue.md(model_card(store, key, problem)),
        },
        inputs=(model, split, *split.inputs("features")),
    )


def _sheet(problem: Problem, scored: pd.DataFrame, test: FeatureTable, explained: Explanation) -> figures.Sheet:
    label, model, baseline = scored["label"], values_of(scored), values_of(scored, "baseline")
    metric = problem.metrics[0]
    features: dict[str, Any] = {
        "importance": explained.importance,
        "drift": explained.drift,
        "metric": metric.name,
    }
    if problem.task == "binary":
        return figures.binary_report(label, model, baseline, **features)
    if problem.task == "multiclass":
        mistakes = mistakes_as_pictures(problem, test, scored)
        return figures.multiclass_report(label, model, classes=classes_of(scored), mistakes=mistakes, **features)
    unit = "" if metric.unit == "1" else metric.unit
    return figures.regression_report(label, model, baseline, unit, **features)
