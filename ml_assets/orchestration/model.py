"""split -> model: fitted on the rows that fit, and proven to answer the same after it was stored and loaded again."""

from __future__ import annotations

import dagster as dg

from ml_assets.computation.recipe import Recipe
from ml_assets.orchestration.distributed import train_on
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.params import params_from
from ml_assets.orchestration.step import question, store_of
from ml_assets.orchestration.training import training_session
from ml_assets.problem import Problem
from ml_assets.store import Handle
from ml_assets.training.params import changed_params


def model(problem: Problem, context: dg.AssetExecutionContext, split: Handle, **searched: Handle) -> Made:
    """Train, with the parameters that were searched for where they were."""
    store, asked = store_of(context), question(context, Recipe(problem, "model"), [split, *searched.values()])
    params = changed_params(problem.params, asked.base.params)
    with training_session(context, asked) as session:
        trained = train_on(
            session.devices,
            problem,
            split,
            params,
            session.run,
            store=store,
            computation=session.log.computation,
        )
    return Made(
        trained.content,
        because=params_from(next(iter(searched.values()), None)),
        checks=(trained.check,),
        notes={
            "rows_to_fit": trained.rows_to_fit,
            "rows_to_choose": trained.rows_to_choose,
            **trained.knows,
            **session.notes,
            **({"resumed": trained.resumed} if trained.resumed else {}),
        },
        inputs=split.inputs("features"),
        once_published=session.log.forget,
    )
