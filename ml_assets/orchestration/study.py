"""split -> study: the search for the parameters of the model, where the problem says so. Each trial is a step of its own.

    round_1 ── trials_1[0] ──┬── round_2 ── trials_2[4] ──┬── best ── (model)
           └── trials_1[1] ──┘          └── trials_2[5] ──┘

A round yields those of its trials that are not there yet; they run in parallel, each where a training runs. A study that is
used again yields none. What a trial came to lies in the store under its computation key: see search.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import accumulate
from typing import Any

import dagster as dg

from ml_assets import figures
from ml_assets.assets import Asset
from ml_assets.assets.study import STUDY
from ml_assets.computation.recipe import Recipe
from ml_assets.computation.reuse import Reuse
from ml_assets.errors import InvalidProblem
from ml_assets.evaluation import checks
from ml_assets.lineage.markdown import escaped
from ml_assets.orchestration.asset import NEEDS, check_specs, last_op, made_by, shared_attributes, training_tags
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.search import Search, described
from ml_assets.orchestration.step import FRESH_TAG, Step, question, store_of
from ml_assets.orchestration.tables import table
from ml_assets.orchestration.trial import TrialStep
from ml_assets.problem import Problem, Tuning
from ml_assets.store import Handle
from ml_assets.training.tuning.study import Study, best_of, table_of
from ml_assets.training.tuning.suggestions import importance, rounds
from ml_assets.training.tuning.trial import Trial

SAID = "trial"
"""Metadata of a trial's step: what was tried, and what came of it."""


def study(problem: Problem, context: dg.AssetExecutionContext, split: Handle) -> Made:
    """The best of all trials, once they are made."""
    tuning = _tuning(problem)
    found = Search.of(problem, tuning, context, split).trials()
    trials = [trial for trial, _ in found]
    best, told = best_of(problem, trials), table_of(tuning, trials)
    shares = importance(tuning, trials, higher_is_better=problem.metrics[0].higher_is_better)
    sheet = _sheet(problem, trials, shares)
    return Made(
        Study(told, dict(best.params), shares, sheet.to_json()),
        checks=(
            checks.best_is_inside(tuning, best.params),
            checks.trials_ended([*told["state"]], [*told["why"]]),
        ),
        metrics={"search": _numbers(problem, trials, best)},
        notes={
            "why": _verdict(problem, trials, best),
            "best": dict(best.params),
            "importance": shares,
            "trials": [version.version for _, version in found],
        },
        metadata={
            "trials_table": table(_shown(row) for row in told.to_dict("records")),
            "at_a_glance": dg.MetadataValue.md(_at_a_glance(problem, trials)),
            "figures": dg.MetadataValue.md(figures.as_markdown(figures.draw_small(sheet), sheet.title)),
        },
        inputs=split.inputs("features"),
        resources={"wall_seconds": round(sum(trial.seconds for trial in trials), 3)},
    )


# ---------------------------------------------------------------- the graph of steps


def search_graph(problem: Problem, asset: Asset) -> dg.AssetsDefinition:
    """The study of a problem as an asset of many steps."""
    tuning, specs = _tuning(problem), check_specs(problem, asset)
    step = Step(Recipe(problem, asset.name), partial(made_by(asset), problem))
    best = last_op(f"{problem.name}__best", step, {"split": dg.In(Handle), "before": dg.In(dg.Nothing)}, specs)
    every = [(_round_op(problem, tuning, n), _trial_op(problem, tuning, n)) for n in range(len(rounds(tuning)))]

    @dg.graph_asset(
        **shared_attributes(problem, asset),
        check_specs=specs,
    )
    def study(split: Any) -> Any:
        begun: dict[str, Any] = {}
        for n, (round_, trial) in enumerate(every, start=1):
            started = round_.alias(f"round_{n}")(split=split, **begun)
            done = started.map(lambda start, op=trial, n=n: op.alias(f"trials_{n}")(split=split, start=start))
            begun = {"before": done.collect()}
        ended = best.alias("best")(split=split, **begun)
        return {name: getattr(ended, name) for name in ("result", *(spec.get_python_identifier() for spec in specs))}

    return study


def _tuning(problem: Problem) -> Tuning:
    if problem.tuning is None:
        raise InvalidProblem(f"Problem {problem.name!r} searches for no parameters. Give it `tuning=Tuning(...)`.")
    return problem.tuning


def _round_op(problem: Problem, tuning: Tuning, n: int) -> dg.OpDefinition:
    """Yields what is tried next, of which only what is not there is made."""

    def begin(at: Any, inputs: Mapping[str, Any]) -> Iterator[dg.DynamicOutput[None]]:
        is_fresh = FRESH_TAG in at.run.tags
        asked = question(at, Recipe(problem, STUDY.name), [inputs["split"]])
        if not is_fresh and isinstance(asked.answer(store_of(at)), Reuse):
            return
        search = Search.of(problem, tuning, at, inputs["split"])
        for attempt in search.attempts(n):
            if is_fresh or attempt.known(search.store) is None:
                yield dg.DynamicOutput(None, str(attempt.number))

    return dg.OpDefinition(
        begin,
        f"{problem.name}__round_{n + 1}",
        ins={"split": dg.In(Handle), **({"before": dg.In(dg.Nothing)} if n else {})},
        outs={"result": dg.DynamicOut(dg.Nothing)},
        required_resource_keys=NEEDS,
    )


def _trial_op(problem: Problem, tuning: Tuning, n: int) -> dg.OpDefinition:
    def trial(at: Any, inputs: Mapping[str, Any]) -> Iterator[dg.Output[None]]:
        search, number = Search.of(problem, tuning, at, inputs["split"]), int(at.get_mapping_key())
        attempt = next(attempt for attempt in search.attempts(n) if attempt.number == number)
        said = TrialStep(search, attempt, at, inputs["split"]).run()
        at.log.info(said)
        yield dg.Output(None, metadata={SAID: said})

    return dg.OpDefinition(
        trial,
        f"{problem.name}__trials_{n + 1}",
        ins={"split": dg.In(Handle), "start": dg.In(dg.Nothing)},
        outs={"result": dg.Out(dg.Nothing)},
        required_resource_keys=NEEDS,
        tags=training_tags(problem, own_process=tuning.parallel > 1),
    )


# ---------------------------------------------------------------- what people see


def _verdict(problem: Problem, trials: list[Trial], best: Trial) -> str:
    metric, first = problem.metrics[0].name, trials[0]
    written = "" if first.result.score is None or first is best else f"; the first had {first.result.score:.6g}"
    counts = ", ".join(f"{count} {state}" for state, count in _states(trials).items() if count)
    return (
        f"Best of {len(trials)} trials ({counts}): {described(best.params)}, {metric} {best.result.score:.6g}{written}."
    )


def _numbers(problem: Problem, trials: list[Trial], best: Trial) -> dict[str, Any]:
    return {problem.metrics[0].name: best.result.score, "trials": len(trials), **_states(trials)}


def _states(trials: list[Trial]) -> dict[str, int]:
    """How many came to which end."""
    states = [trial.result.state for trial in trials]
    return {state: states.count(state) for state in ("completed", "pruned", "failed")}


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    shown = {str(name): value for name, value in row.items() if name not in ("number", "round", "why")}
    cells = {name: round(value, 6) if isinstance(value, float) else value for name, value in shown.items()}
    known = {name: value if value == value else None for name, value in cells.items()}  # noqa: PLR0124
    return {"trial": row["number"], **known}


def history(problem: Problem, trials: list[Trial]) -> dict[str, list[tuple[float, float]]]:
    """The score of each trial that has one, and the best so far, by number."""
    scored = [(float(trial.number), trial.result.score) for trial in trials if trial.result.score is not None]
    better = max if problem.metrics[0].higher_is_better else min
    best = list(accumulate((score for _, score in scored), better))
    return {"trial": scored, "best so far": [(at, value) for (at, _), value in zip(scored, best, strict=True)]}


def _at_a_glance(problem: Problem, trials: list[Trial]) -> str:
    metric = problem.metrics[0].name
    values = [value for _, value in history(problem, trials)["best so far"]]
    chart = figures.sparkline(values, title=f"Best {metric}", most=figures.INLINE - 200)
    return f"{figures.as_markdown(chart, f'Best {metric} so far')}\n\nBest {escaped(metric)} so far, by trial"


def _sheet(problem: Problem, trials: list[Trial], shares: Mapping[str, float]) -> figures.Sheet:
    lines = history(problem, trials)
    return figures.search_report(lines["trial"], lines["best so far"], [*shares.items()], problem.metrics[0].name)
