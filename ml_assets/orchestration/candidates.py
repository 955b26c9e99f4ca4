"""split -> candidates: which of a problem's trainings is best, where it has several. Each trains in a step of its own.

    trees ───┐
    linear ──┼── best ── (model)
    xgboost ─┘

The model of each is remembered as what it would be if it were the best: the asset ``model``, which comes next, finds that of the
best made, and the others stay where somebody may choose one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import dagster as dg

from ml_assets import figures
from ml_assets.assets import Asset, noun_that
from ml_assets.assets.candidates import CANDIDATE
from ml_assets.computation.chain import DataSources
from ml_assets.computation.recipe import Recipe
from ml_assets.computation.resources import Meter
from ml_assets.computation.reuse import FAILED, Question, given_as_written, seconds_of
from ml_assets.errors import SearchFailed
from ml_assets.evaluation import checks
from ml_assets.evaluation.candidates import Candidates, Standing, standings, table_of
from ml_assets.evaluation.metrics import Answers, value_of, written
from ml_assets.evaluation.units import Units, units_of
from ml_assets.lineage.markdown import escaped
from ml_assets.orchestration.asset import NEEDS, check_specs, last_op, made_by, shared_attributes, training_tags
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.messages import message_of_raised
from ml_assets.orchestration.model import trained
from ml_assets.orchestration.remembered import remember
from ml_assets.orchestration.step import FRESH_TAG, LANDING_FOLDER, Step, partition_of, store_of
from ml_assets.orchestration.study import SAID
from ml_assets.orchestration.tables import table
from ml_assets.problem import Metric, Problem, Variant
from ml_assets.store import Handle, VersionKey
from ml_assets.training.tuning.candidates import Answered, answered, without_model
from ml_assets.training.tuning.trial import OF_PARAMS, refuse_of_gpu
from ml_assets.tuning import RESERVED
from ml_assets.worker.work import load_data


def candidates(problem: Problem, context: dg.AssetExecutionContext, split: Handle) -> Made:
    """Which is best, once each has trained."""
    steps = {name: CandidateStep(variant, context, split) for name, variant in problem.variants.items()}
    found = {name: step.found() for name, step in steps.items()}
    answers = {name: Answers(one.label, one.answer) for name, one in found.items() if not one.why}
    standing = standings(problem.metrics, answers, _units(problem, context, split) if answers else ())
    failed = {name: one.why for name, one in found.items() if one.why}
    if not standing:
        raise SearchFailed(_none_is_best(problem, failed))
    metric = problem.metrics[0]
    models = {name: VersionKey(steps[name].model_asset, split.key.partition, one.model) for name, one in found.items()}
    seconds = {name: seconds_of(store_of(context).manifest(key)) for name, key in models.items() if key.version}
    sheet = figures.candidates_report(standing, metric.name)
    return Made(
        Candidates(table_of(problem.metrics, standing, failed), standing[0].candidate, sheet.to_json()),
        checks=(checks.candidates_trained(len(found), failed),),
        metrics={"candidates": {one.candidate: one.scores[metric.name] for one in standing}},
        notes={
            "why": _verdict(metric, standing, failed),
            "best": standing[0].candidate,
            "models": {name: key.version for name, key in models.items() if key.version},
            **({FAILED: failed} if failed else {}),
        },
        metadata={
            "candidates_table": table(_shown(problem, standing, failed, seconds)),
            "at_a_glance": dg.MetadataValue.md(_at_a_glance(metric, standing)),
            "figures": dg.MetadataValue.md(figures.as_markdown(figures.draw_small(sheet), sheet.title)),
        },
        inputs=split.inputs("features"),
        resources={"wall_seconds": round(sum(seconds.values()), 3)},
        may_pass=bool(failed),
    )


def _units(problem: Problem, context: dg.AssetExecutionContext, split: Handle) -> tuple[Units, ...]:
    """What of the rows that choose is independent of each other; only their keys are read."""
    rows = load_data(store_of(context), split.key, [table.key for table in split.inputs("features")]).validation
    return units_of(problem, rows)


# ---------------------------------------------------------------- one candidate


@dataclass(frozen=True)
class CandidateStep:
    """A step of Dagster's that trains a candidate and asks its model about the validation rows."""

    variant: Variant
    context: dg.AssetExecutionContext
    split: Handle

    @property
    def model_asset(self) -> str:
        """The key of the asset whose version its model is."""
        return f"{self.variant.name}/{noun_that('trains')}"

    @property
    def is_there(self) -> bool:
        """Whether nothing is left to do."""
        return not self._is_fresh and self._known() is not None

    def run(self) -> str:
        """Do what is left: ``linear: average_precision 0.573, model 1f3c…``."""
        known = None if self._is_fresh else self._known()
        return self._sentence(known or self._judged(), is_new=known is None)

    def found(self) -> Answered:
        """What became of it: in this run it failed, or it is known; a run that goes on after another has its failures.

        Raises:
            SearchFailed: if that is lost.
        """
        run = self.context.run
        runs = dict.fromkeys(filter(None, (run.run_id, run.parent_run_id, run.root_run_id)))
        asked = self._asked(CANDIDATE.name)
        failed = next((key for one in runs if (key := self._recalled(_of_run(one, asked)))), None)
        known: Answered | None = store_of(self.context).load(failed) if failed else self._known()
        if known is None:
            raise SearchFailed(
                f"{self.variant.name} [{partition_of(self.context)}]: what became of the candidate {self.variant.candidate} is "
                "not there. It was damaged, or code was edited while they trained. Start it again: what is whole is used."
            )
        return known

    @property
    def _is_fresh(self) -> bool:
        return FRESH_TAG in self.context.run.tags

    def _known(self) -> Answered | None:
        """What its model said, as the store remembers it; None if it does not, or the model is not whole, or another one now.

        A failure is its run's alone.
        """
        found, model = (self._recalled(self._asked(noun)) for noun in (CANDIDATE.name, noun_that("trains")))
        if found is None or model is None:
            return None
        answer: Answered = store_of(self.context).load(found)
        return answer if answer.model == model.version else None  # else it is what another model said

    def _judged(self) -> Answered:
        store, meter, asked = store_of(self.context), Meter(), self._asked(CANDIDATE.name)
        answer = self._answered()
        made = Made(
            store.put(answer), notes={"candidate": self.variant.candidate}, why=asked.why(store), resources=meter.read()
        )
        of_this = _of_run(self.context.run.run_id, asked) if answer.why else asked
        remember(self.context, of_this, made, self.split, replaces=True)
        return answer

    def _answered(self) -> Answered:
        store = store_of(self.context)
        try:
            model = None if self._is_fresh else self._recalled(self._asked(noun_that("trains")))
            if model is None:
                model = self._trained()
            rows = load_data(store, self.split.key, [table.key for table in self.split.inputs("features")]).validation
            return answered(self.variant, store.load(model), rows, model.version)
        except _Unusable as unusable:
            return without_model(str(unusable))
        except (*OF_PARAMS, ImportError) as error:
            refuse_of_gpu(error)
            return without_model(message_of_raised(error))

    def _trained(self) -> VersionKey:
        asked, meter = self._asked(noun_that("trains")), Meter()
        why = asked.why(store_of(self.context))
        made = trained(self.context, asked, self.split)
        if made.refused:
            raise _Unusable(" ".join(check.description for check in made.checks if check.refuses))
        key = remember(self.context, asked, replace(made, why=why, resources=meter.read()), self.split)
        made.once_published()
        return key

    def _recalled(self, asked: Question) -> VersionKey | None:
        found = store_of(self.context).recall(asked.base.key)
        return found.version if found is not None and not found.damage else None

    def _asked(self, noun: str) -> Question:
        """What is made of it; where code cannot be recognised again, results are this run's alone."""
        sources = DataSources(store_of(self.context), getattr(self.context.resources, LANDING_FOLDER))
        recipe, given = Recipe(self.variant, noun), given_as_written(self.variant)
        asked = Question.of(recipe, partition_of(self.context), [self.split], given, sources)
        return _of_run(self.context.run.root_run_id or self.context.run.run_id, asked) if recipe.unknown else asked

    def _sentence(self, answer: Answered, *, is_new: bool) -> str:
        if answer.why:
            return f"{self.variant.candidate} failed: {answer.why}"
        metric = self.variant.metrics[0]
        score = written(value_of(metric, Answers(answer.label, answer.answer)), metric.unit)
        used = "" if is_new else ", used again"
        return f"{self.variant.candidate}: {metric.name} {score}, model {answer.model[:12]}{used}"


def _of_run(run: str, asked: Question) -> Question:
    """The same, asked by one run alone."""
    return replace(asked, base=replace(asked.base, settings={**asked.base.settings, "run": run}))


class _Unusable(Exception):
    """A model was trained that must not be used."""


# ---------------------------------------------------------------- the graph of steps


def candidates_graph(problem: Problem, asset: Asset) -> dg.AssetsDefinition:
    """The choice among a problem's candidates as an asset of many steps."""
    specs = check_specs(problem, asset)
    each = {name: _candidate_op(problem, variant) for name, variant in problem.variants.items()}
    step = Step(Recipe(problem, asset.name), partial(made_by(asset), problem))
    ins = {"split": dg.In(Handle), "trained": dg.In(dg.Nothing)}
    best = last_op(f"{problem.name}__best_candidate", step, ins, specs)

    @dg.graph_asset(**shared_attributes(problem, asset), check_specs=specs)
    def candidates(split: Any) -> Any:
        done = [op.alias(name)(split=split) for name, op in each.items()]
        ended = best.alias(RESERVED)(split=split, trained=done)
        return {name: getattr(ended, name) for name in ("result", *(spec.get_python_identifier() for spec in specs))}

    return candidates


def _candidate_op(problem: Problem, variant: Variant) -> dg.OpDefinition:
    def train(at: Any, inputs: Mapping[str, Any]) -> Iterator[dg.Output[None]]:
        said = CandidateStep(variant, at, inputs["split"]).run()
        at.log.info(said)
        yield dg.Output(None, metadata={SAID: said})

    train.is_there = lambda at, inputs: CandidateStep(variant, at, inputs["split"]).is_there  # type: ignore[attr-defined]
    return dg.OpDefinition(
        train,
        f"{problem.name}__candidate_{variant.candidate}",
        ins={"split": dg.In(Handle)},
        outs={"result": dg.Out(dg.Nothing)},
        required_resource_keys=NEEDS,
        tags=training_tags(variant),
    )


# ---------------------------------------------------------------- what people see


def _none_is_best(problem: Problem, failed: Mapping[str, str]) -> str:
    why = next(
        (f"{name}: {why}" for name, why in failed.items()),
        f"{problem.metrics[0].name} has no value on the validation rows",
    )
    return f"{problem.name}: none of the candidates {', '.join(problem.candidates)} can be judged. {why}."


def _verdict(metric: Metric, standing: Sequence[Standing], failed: Mapping[str, str]) -> str:
    best, *others = standing
    said = f"Best of {len(standing) + len(failed)} by {metric.name} on the validation rows: {best.sentence(metric)}."
    return " ".join([said, *(f"{one.sentence(metric)}." for one in others), *(f"{n} failed." for n in failed)])


def _shown(
    problem: Problem, standing: Sequence[Standing], failed: Mapping[str, str], seconds: Mapping[str, float]
) -> Iterator[dict[str, Any]]:
    for one in standing:
        scores = {metric.name: written(one.scores[metric.name], metric.unit) for metric in problem.metrics}
        against = one.lead.outcome if one.lead else ""
        yield {
            "candidate": one.candidate,
            **scores,
            "the best is": against,
            "seconds": seconds[one.candidate],
            "why": "",
        }
    for name, why in failed.items():
        blank = dict.fromkeys((metric.name for metric in problem.metrics), "")
        yield {"candidate": name, **blank, "the best is": "", "seconds": seconds.get(name), "why": why}


def _at_a_glance(metric: Metric, standing: Sequence[Standing]) -> str:
    return "\n".join(f"- {escaped(one.sentence(metric))}" for one in standing)
