"""`ml-assets calibrate-promotion`: how often a problem's rule of promotion errs, and what it finds, on the problem's own data."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ml_assets
from ml_assets.cli.home import home
from ml_assets.cli.partitions import add_partitions, bounds
from ml_assets.cli.run import add_jobs, report_step
from ml_assets.cli.show import command, plural, progress, say, say_json, table
from ml_assets.errors import Rejected, UsageError
from ml_assets.evaluation.metrics import written
from ml_assets.problem import Problem
from ml_assets.problems import problem_named
from ml_assets.settings import Settings, writing_to

if TYPE_CHECKING:
    from ml_assets.evaluation.calibration import Calibration
    from ml_assets.orchestration.calibration import Measuring, Trained

EXAMPLES = """  ml-assets calibrate-promotion flight_delays                   five seeds, every window there is
  ml-assets calibrate-promotion flight_delays --seeds 3 --partitions 2013-06..2013-12
"""
SEEDS = 5
"""Give 20 ordered pairs of equals in each window."""


def add_to(verbs: Any) -> None:
    """Add `calibrate-promotion`."""
    summary = "how often the rule of promotion errs, and the smallest gain that it finds, on a problem's own data"
    parser = command(verbs, "calibrate-promotion", summary, calibrate_promotion, EXAMPLES)
    parser.add_argument("problem")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many seeds train each window (default: {SEEDS})")
    add_partitions(parser, required=False)
    add_jobs(parser)


def calibrate_promotion(options: argparse.Namespace, settings: Settings) -> int:
    """Train what is missing, measure, keep and show it.

    Raises:
        UsageError: with fewer than two seeds.
        Rejected: if a training failed.
    """
    from ml_assets.orchestration.calibration import sentence, told

    problem = problem_named(options.problem)
    if options.seeds < 2:
        raise UsageError(f"--seeds {options.seeds}: models are compared with each other, so give 2 or more.")
    measuring = _measuring(problem, options, settings)
    models = measuring.models()
    if missing := [one for one in models if one.model is None]:
        progress(f"= {len(models) - len(missing)} of {len(models)} models are there already")
        _train(measuring, missing, options.jobs, settings)
        models = measuring.models()
    if lost := [one for one in models if one.model is None]:
        raise Rejected(
            f"{problem.name}: {plural(len(lost), 'model')} could not be made, such as seed {lost[0].seed} of "
            f"{lost[0].split.key.partition}. See why: ml-assets run {problem.name}/model --partition "
            f"{lost[0].split.key.partition} --set seed={lost[0].seed}"
        )
    found, read = measuring.measured(models)
    rule = problem.promote_when
    key = measuring.keep(found, read, why=sentence(found))
    if options.json:
        say_json({**told(rule, found), "version": key.version})
    else:
        _show(problem, found)
    return 0


def _measuring(problem: Problem, options: argparse.Namespace, settings: Settings) -> Measuring:
    from ml_assets.orchestration.calibration import Measuring

    store, seeds = ml_assets.open_store(settings), range(problem.seed, problem.seed + options.seeds)
    first, last = bounds(options)
    partitions: Sequence[str] = ()
    if first or last:
        partitions = problem.partitions.between(problem.partitions.keys(), first, last)
    return Measuring(problem, store, ml_assets.open_landing(settings), seeds, partitions)


def _train(measuring: Measuring, missing: Sequence[Trained], jobs: int, settings: Settings) -> None:
    """By runs as any other, a seed after the other, on a branch that nobody reads."""
    from ml_assets.orchestration.calibration import BRANCH
    from ml_assets.orchestration.launch import Launcher, instance_in
    from ml_assets.orchestration.selection import Target, assets_named

    problem = measuring.problem
    with writing_to(BRANCH), instance_in(home(settings)) as instance:
        for seed in measuring.seeds:
            keys = [str(one.split.key.partition) for one in missing if one.seed == seed]
            if keys:
                progress(f"seed {seed}: {plural(len(keys), 'window')}")
                launcher = Launcher(Target.here(), instance, measuring.run_config(seed), report=report_step)
                work = {key: assets_named([f"{problem.name}/model"]) for key in keys}
                for _ in launcher.materialize(work, jobs=jobs):
                    pass


def _show(problem: Problem, found: Calibration) -> None:
    from ml_assets.orchestration.calibration import sentence

    rule = problem.promote_when
    say(f"{problem.name}: {rule.metric.name}, confidence {rule.confidence:g}, {plural(rule.windows, 'window')}")
    say(f"the rule {sentence(found)}")
    low, high = found.false_alarms.interval
    say(
        f"95 % interval {100 * low:.1f} to {100 * high:.1f} %; promised are {100 * (1 - rule.confidence):.3g} % at most"
    )
    rows = [(written(one.gain, rule.metric.unit), str(one.share)) for one in found.power]
    say(table(rows, (f"true gain in {rule.metric.name}", "found")))
    smallest = found.smallest_found
    gain = written(smallest, rule.metric.unit) if smallest is not None else "none of these"
    say(f"smallest gain that is found four times in five: {gain}")
    say(f"next: ml-assets champion {problem.name}   (decisions say it from now on)")
