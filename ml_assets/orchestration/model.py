"""split -> model: fitted on the rows that fit, and proven to answer the same after it was stored and loaded again."""

from __future__ import annotations

import dagster as dg

from ml_assets.computation.recipe import Recipe
from ml_assets.computation.reuse import Question
from ml_assets.orchestration.distributed import train_on
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.step import question, store_of
from ml_assets.orchestration.training import training_session
from ml_assets.problem import Problem, Variant
from ml_assets.store import Handle
from ml_assets.training.params import changed_params


def model(problem: Problem, context: dg.AssetExecutionContext, split: Handle, **searched: Handle) -> Made:
    """Train, with the parameters or the candidate that a search found where there was one."""
    return trained(context, question(context, Recipe(problem, "model"), [split, *searched.values()]), split)


def trained(context: dg.AssetExecutionContext, asked: Question, split: Handle) -> Made:
    """The model that a question asks for."""
    problem, store = asked.recipe.problem, store_of(context)
    params = changed_params(problem.params, asked.base.params)
    with training_session(context, asked) as session:
        done = train_on(
            session.devices,
            problem,
            split,
            params,
            session.run,
            store=store,
            computation=session.log.computation,
        )
    return Made(
        done.content,
        checks=(done.check,),
        notes={
            "rows_to_fit": done.rows_to_fit,
            "rows_to_choose": done.rows_to_choose,
            **({"candidate": problem.candidate} if isinstance(problem, Variant) else {}),
            **done.knows,
            **session.notes,
            **({"resumed": done.resumed} if done.resumed else {}),
        },
        inputs=split.inputs("features"),
        once_published=session.log.forget,
    )
