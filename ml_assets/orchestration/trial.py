"""One trial of a study as a step: trained as a model is, judged, and remembered as a version that no ref names.

What it leaves behind is its result, its score and its curve; not its model, which the study's best parameters make again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import dagster as dg

from ml_assets.assets.study import TRIAL
from ml_assets.computation.resources import Meter
from ml_assets.orchestration.distributed import train_on
from ml_assets.orchestration.io_manager import IO_MANAGER, Made
from ml_assets.orchestration.keys import asset_key, op_name
from ml_assets.orchestration.partitions import partitions_definition
from ml_assets.orchestration.remembered import remember
from ml_assets.orchestration.search import Attempt, Search, described
from ml_assets.orchestration.step import FRESH_TAG, LANDING_FOLDER
from ml_assets.orchestration.training import TrainingSession, training_session
from ml_assets.problem import Problem, TrainingData, Tuning
from ml_assets.store import Handle, Manifest
from ml_assets.training.model import TrainedModel, fit
from ml_assets.training.params import changed_params
from ml_assets.training.tuning.pruning import TrialRun
from ml_assets.training.tuning.trial import Result, tried
from ml_assets.worker.work import load_data


@dataclass(frozen=True)
class TrialStep:
    """A step of Dagster's that makes a trial."""

    search: Search
    attempt: Attempt
    context: dg.AssetExecutionContext
    split: Handle

    def run(self) -> str:
        """Make it, unless it is there: ``trial 3: c 0.31: auroc 0.8123``."""
        known = None if self._is_fresh else self.attempt.known(self.search.store)
        if known is not None:
            return self._sentence(known[0].result)
        problem, prune_on, meter = self.search.problem, self.search.tuning.prune_on, Meter()
        with training_session(self.context, self.attempt.asked) as session:
            run = TrialRun.of(session.run, prune_on, self.attempt.bar)
            data = load_data(self.search.store, self.split.key, [table.key for table in self.split.inputs("features")])
            result = tried(problem, data.validation, partial(self._train, data, run, session), run, prune_on)
        remember(self.context, self.attempt.asked, self._made(result, session, meter), self.split)
        session.log.forget()
        return self._sentence(result)

    @property
    def _is_fresh(self) -> bool:
        return FRESH_TAG in self.context.run.tags

    def _train(self, data: TrainingData, run: TrialRun, session: TrainingSession) -> TrainedModel:
        problem, store = self.search.problem, self.search.store
        params = changed_params(problem.params, self.attempt.params)
        if session.devices.count == 1:  # nobody needs its model stored
            return fit(problem, data, params, run)
        key = session.log.computation
        trained = train_on(session.devices, problem, self.split, params, run, store=store, computation=key)
        model: TrainedModel = store.get(trained.content)
        return model

    def _made(self, result: Result, session: TrainingSession, meter: Meter) -> Made:
        score = result.score
        return Made(
            self.search.store.put(result.to_json()),
            metrics={} if score is None else {self.search.problem.metrics[0].name: score},
            notes={"trial": self.attempt.number, "state": result.state, **session.notes},
            why=f"computed: {self._sentence(result)}",
            resources=meter.read(),
        )

    def _sentence(self, result: Result) -> str:
        metric = self.search.problem.metrics[0].name
        came = result.why if result.score is None else f"{metric} {result.score:.6g}"
        return f"trial {self.attempt.number}: {described(self.attempt.params)}: {came}"


def trial_asset(problem: Problem, tuning: Tuning, recorded: Manifest) -> dg.AssetsDefinition:
    """The trial that a manifest records, as an asset of its own: no definitions have it, what was recorded is rebuilt by it."""

    def trial(at: Any, inputs: Mapping[str, Any]) -> Iterator[dg.Output[None]]:
        search = Search.of(problem, tuning, at, inputs["split"])
        TrialStep(search, search.recorded(recorded), at, inputs["split"]).run()
        yield dg.Output(None)

    return dg.AssetsDefinition.from_op(
        dg.OpDefinition(
            trial,
            op_name(problem, TRIAL.name),
            ins={"split": dg.In(Handle)},
            outs={"result": dg.Out(dg.Nothing)},
            required_resource_keys={IO_MANAGER, LANDING_FOLDER},
        ),
        keys_by_input_name={"split": asset_key(problem, "split")},
        keys_by_output_name={"result": asset_key(problem, TRIAL.name)},
        partitions_def=partitions_definition(problem),
    )
