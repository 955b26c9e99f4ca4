"""split -> model: fitted on the rows that fit, and proven to answer the same after it was stored and loaded again."""

from __future__ import annotations

import dagster as dg

from ml_assets.computation.chain import STUDY
from ml_assets.computation.recipe import Recipe
from ml_assets.orchestration.asset import problem_asset, upstream
from ml_assets.orchestration.code_references import code_references
from ml_assets.orchestration.compute import op_tags
from ml_assets.orchestration.distributed import train_on
from ml_assets.orchestration.executor import ALL_THREADS, OWN_PROCESS
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.params import params_from, params_schema
from ml_assets.orchestration.step import CheckSpec, question, store_of
from ml_assets.orchestration.training import training_session
from ml_assets.problem import Problem
from ml_assets.store import Handle
from ml_assets.training.params import changed_params

CHECKS = (CheckSpec("reloads", "The stored model, loaded again, answers bit for bit as it did in training."),)


def model_asset(problem: Problem) -> dg.AssetsDefinition:
    """The asset ``model`` of a problem."""

    @problem_asset(
        problem,
        "model",
        description="Fitted on the train rows of the split, chosen on its validation rows. It has not seen the test rows.",
        ins={noun: upstream(problem, noun) for noun in ("split", *([STUDY] if problem.tuning else []))},
        checks=CHECKS,
        kinds=("python",),
        metadata=code_references(problem.train, problem.predict),
        config_schema={
            "params": params_schema(problem.params, problem.tuning.space if problem.tuning else ()),
            "seed": dg.Field(int, default_value=problem.seed, description="Seed of all chance in the training."),
        },
        op_tags={
            OWN_PROCESS: "true",
            **({ALL_THREADS: "true"} if problem.threads_change_bits else {}),
            **op_tags(problem.compute),
        },
    )
    def model(context: dg.AssetExecutionContext, split: Handle, **searched: Handle) -> Made:
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
            because=params_from(searched.get(STUDY)),
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

    return model
