"""`ml-assets run`: materialize assets here, as the UI would, and say how each step ended. What is there is not made again."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.assets import chain_of
from ml_assets.cli.home import home
from ml_assets.cli.show import command, plural, progress, say, say_json
from ml_assets.cli.work import Config, Work, add_work, config_of, plans_of, work_of
from ml_assets.computation.chain import named
from ml_assets.computation.planner import Planned
from ml_assets.computation.reuse import duration
from ml_assets.settings import Settings

if TYPE_CHECKING:
    from ml_assets.orchestration.launch import Outcome, Step

EXAMPLES = """  ml-assets run flight_delays --partitions 2013-01..2013-06
  ml-assets run flight_delays/model+ --partition 2013-06 --set params.learning_rate=0.05
  ml-assets run flight_delays/model --partition 2013-06 --fresh
  ml-assets run 'key:"flight_delays/split" or key:"flight_delays/model"' --partition 2013-06
"""


def add_to(verbs: Any) -> None:
    """Add `run`."""
    parser = command(verbs, "run", "materialize assets for one partition or a range", run, EXAMPLES)
    add_work(parser)
    add_jobs(parser)


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Offer to train several partitions at a time."""
    parser.add_argument(
        "--jobs",
        type=_at_least_one,
        default=max(1, (os.cpu_count() or 1) // 2),
        help="trainings of different partitions at a time, each in a process of its own (default: half the cores)",
    )


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run what of the selection is not there yet; 1 if a run failed."""
    works = work_of(options, settings)
    config = config_of([name for work in works for name in work.names], options.settings)
    plans = plans_of(works, settings, config, is_fresh=options.fresh)
    _report_what_is_there([one for plan in plans.values() for one in plan])
    started, outcomes = time.perf_counter(), []
    if to_do := _to_do(plans):
        outcomes = _launch(to_do, works, config, options, settings)
    passed = all(outcome.passed for outcome in outcomes)
    if options.json:
        say_json([_as_json(outcome) for outcome in outcomes])
    else:
        _summarize(outcomes, passed, time.perf_counter() - started)
        say(f"next: ml-assets history {works[-1].problem.name}")
    return 0 if passed else 1


def _to_do(plans: Mapping[str, Sequence[Planned]]) -> list[dict[str, list[str]]]:
    """Of each problem that has any, the assets (``problem/asset``) of each partition that take a step, in order."""
    found = []
    for plan in plans.values():
        steps: dict[str, list[str]] = {}
        for one in plan:
            if one.takes_a_step:
                steps.setdefault(one.partition, []).append(one.asset)
        found.append(steps)
    return [steps for steps in found if steps]


def _launch(
    to_do: Sequence[Mapping[str, Sequence[str]]],
    works: Sequence[Work],
    config: Config,
    options: argparse.Namespace,
    settings: Settings,
) -> list[Outcome]:
    from ml_assets.orchestration.keys import op_name
    from ml_assets.orchestration.launch import Launcher, instance_in
    from ml_assets.orchestration.messages import INTERRUPTED
    from ml_assets.orchestration.selection import Target, assets_named
    from ml_assets.orchestration.step import FRESH_TAG

    models = [
        op_name(work.problem, asset.name)
        for work in works
        for asset in chain_of(work.problem)
        if asset.params == "chosen" and asset.name in work.nouns
    ]
    run_config = {"ops": {model: {"config": config} for model in models}} if config else {}
    outcomes = []
    with instance_in(home(settings)) as instance:
        tags = {FRESH_TAG: "true"} if options.fresh else {}
        launcher = Launcher(Target.here(), instance, run_config, tags, report=report_step)
        work = [{partition: assets_named(names) for partition, names in steps.items()} for steps in to_do]
        try:
            for outcome in launcher.materialize(*work, jobs=options.jobs):
                outcomes.append(outcome)
                _report_unmade(outcome)
        except KeyboardInterrupt:
            progress(INTERRUPTED)
            raise
    return outcomes


def _report_what_is_there(plan: Sequence[Planned]) -> None:
    there = [one for one in plan if one.state == "current"]
    if there:
        took = duration(sum(one.saved_seconds for one in there))
        progress(f"= {len(there)} of {len(plan)} are there already, saved {took}")
    for one in plan:
        if one.state == "nothing":
            progress(f"– {one.noun:32} {one.partition:10} skipped: {one.why}")


def _summarize(outcomes: Sequence[Outcome], passed: bool, seconds: float) -> None:
    steps, runs = sum(len(outcome.steps) for outcome in outcomes), [outcome for outcome in outcomes if outcome.ran]
    if not outcomes:
        say("done: nothing to do")
        return
    say(f"{'done' if passed else 'FAILED'}: {plural(steps, 'step')}, {plural(len(runs), 'run')}, {seconds:.1f} s")
    if not passed:
        _say_what_failed(outcomes)


def _say_what_failed(outcomes: Sequence[Outcome]) -> None:
    """Partitions that failed, those that were not made for it, and those that were."""
    name = _name_of(outcomes)
    failed = {name(outcome) for outcome in outcomes if not outcome.passed}
    held_up = {name(outcome) for outcome in outcomes if outcome.blocked} - failed
    order = list(dict.fromkeys(name(outcome) for outcome in outcomes))
    for title, keys in (
        ("failed", failed),
        ("not made for it", held_up),
        ("done", {*order} - failed - held_up),
    ):
        if keys:
            say(f"  {title:15} {', '.join(key for key in order if key in keys)}")


def _name_of(outcomes: Sequence[Outcome]) -> Callable[[Outcome], str]:
    """What a run is called: by its partition; of several problems also by its problem."""
    if len({outcome.problem for outcome in outcomes}) == 1:
        return lambda outcome: outcome.partition
    return lambda outcome: f"{outcome.problem}@{outcome.partition}"


def _at_least_one(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def report_step(step: Step) -> None:
    """Say how a step ended."""
    for line in step.lines():
        progress(line)


def _report_unmade(outcome: Outcome) -> None:
    """What was skipped, with the reason of the first; and what was not tried."""
    from ml_assets.orchestration.keys import asset_name

    reasons = {asset_name(key): why for key, why in outcome.why_skipped.items()}
    for name in sorted(map(asset_name, outcome.skipped), key=lambda name: (name not in reasons, name)):
        progress(f"– {name:32} {outcome.partition:10} skipped: {reasons.get(name) or _after(name, reasons)}")
    for name, lacks in _blocked(outcome).items():
        progress(f"– {name:32} {outcome.partition:10} not made: {lacks} failed")


def _after(name: str, reasons: Mapping[str, str]) -> str:
    problem, _, noun = name.partition("/")
    above = [reason for reason in reasons if noun in (named(f"{reason}+") or {}).get(problem, [])]
    return f"{', '.join(above)} is" if above else "what it is made from is"


def _blocked(outcome: Outcome) -> dict[str, str]:
    """What was not tried -> the place that it lacks, ``umbrellas/dataset@2024-02``."""
    from ml_assets.orchestration.keys import asset_name

    found = {asset_name(key): f"{asset_name(above)}@{at}" for key, (above, at) in outcome.blocked.items()}
    return dict(sorted(found.items()))


def _as_json(outcome: Outcome) -> dict[str, Any]:
    from ml_assets.orchestration.keys import asset_name

    return {
        "run": outcome.run,
        "partition": outcome.partition,
        "passed": outcome.passed,
        "skipped": sorted(map(asset_name, outcome.skipped)),
        "why_skipped": {asset_name(key): why for key, why in outcome.why_skipped.items()},
        "not_made": _blocked(outcome),
        "steps": [
            {"asset": s.asset, "passed": s.passed, "seconds": s.seconds, "why": s.why, "findings": list(s.findings)}
            for s in outcome.steps
        ],
    }
