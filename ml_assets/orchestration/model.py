"""split -> model: fitted on the rows that fit, and proven to answer the same after it was stored and loaded again."""

from __future__ import annotations

from functools import partial

import dagster as dg

from ml_assets.evaluation import checks
from ml_assets.orchestration.asset import problem_asset, upstream
from ml_assets.orchestration.code_references import code_references
from ml_assets.orchestration.executor import ALL_THREADS, OWN_PROCESS
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.params import params_schema
from ml_assets.orchestration.split import window_of
from ml_assets.orchestration.step import CheckSpec, store_of
from ml_assets.problem import Problem
from ml_assets.store import Handle
from ml_assets.training.model import fit, predict
from ml_assets.training.params import changed_params
from ml_assets.training.run import Run
from ml_assets.training.split import training_data

CHECKS = (CheckSpec("reloads", "The stored model, loaded again, answers bit for bit as it did in training."),)
RELOAD_ROWS = 2_000  # of the validation rows; more would cost as much as a training does


def model_asset(problem: Problem) -> dg.AssetsDefinition:
    """The asset ``model`` of a problem."""

    @problem_asset(
        problem,
        "model",
        description="Fitted on the train rows of the split, chosen on its validation rows. It has not seen the test rows.",
        ins={"split": upstream(problem, "split")},
        checks=CHECKS,
        kinds=("python",),
        metadata=code_references(problem.train, problem.predict),
        config_schema={
            "params": params_schema(problem.params),
            "seed": dg.Field(int, default_value=problem.seed, description="Seed of all chance in the training."),
        },
        op_tags={OWN_PROCESS: "true", **({ALL_THREADS: "true"} if problem.threads_change_bits else {})},
    )
    def model(context: dg.AssetExecutionContext, split: Handle) -> Made:
        store = store_of(context)
        config = context.op_execution_context.op_config
        params = changed_params(problem.params, config["params"])
        data = training_data(*window_of(split))
        run = Run(config["seed"], context.log.info)
        trained = fit(problem, data, params, run)
        content = store.put(trained)
        answer = partial(predict, problem)
        sample = data.validation.features.head(RELOAD_ROWS)
        return Made(
            content,
            checks=(checks.reloads_identically(answer, trained, store.get(content), sample),),
            notes={
                "rows_to_fit": len(data.train),
                "rows_to_choose": len(data.validation),
                **({"training": history} if (history := run.history.to_json()) else {}),
            },
            inputs=split.inputs("features"),
        )

    return model
