"""`ml-assets run`: materialize assets here, as the UI would, and say how each step ended."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ml_assets
from ml_assets.cli.partitions import add_partitions, between, bounds
from ml_assets.cli.show import command, progress, say, say_json
from ml_assets.errors import InvalidParams, UsageError
from ml_assets.problem import Dynamic, files_of
from ml_assets.problems import problem_named
from ml_assets.settings import Settings
from ml_assets.training.params import changed_params

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from ml_assets.orchestration.launch import Outcome, Step
    from ml_assets.store import LandingFolder

EXAMPLES = """  ml-assets run flight_delays --partitions 2013-01..2013-06
  ml-assets run flight_delays/model+ --partition 2013-06 --set params.learning_rate=0.05
  ml-assets run 'key:"flight_delays/split" or key:"flight_delays/model"' --partition 2013-06
"""


def add_to(verbs: Any) -> None:
    """Add `run`."""
    parser = command(verbs, "run", "materialize assets for one partition or a range", run, EXAMPLES)
    parser.add_argument(
        "selection", help="a problem, problem/asset (+ for what is below it), or Dagster's selection syntax"
    )
    add_partitions(parser, required=True)
    parser.add_argument(
        "--set", action="append", default=[], metavar="params.x=V", dest="settings", help="set a parameter"
    )
    parser.add_argument(
        "--jobs",
        type=_at_least_one,
        default=max(1, (os.cpu_count() or 1) // 2),
        help="trainings of different partitions at a time, each in a process of its own (default: half the cores)",
    )


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run the selection; 1 if a run failed."""
    _refuse_early(options)
    from ml_assets.orchestration.launch import Launcher, instance_in
    from ml_assets.orchestration.selection import Target, partition_keys, selected

    target = Target()
    assets = selected(target, options.selection)
    names = sorted("/".join(key.path) for key in assets)
    config = run_config(names, options.settings)
    started = time.perf_counter()
    with instance_in(Path(settings.dagster_home or Path.cwd())) as instance:
        _add_landed(names, options.partition, instance, ml_assets.open_landing(settings))
        partitions = between(partition_keys(target, assets, instance), *bounds(options))
        launcher = Launcher(target, instance, config, report=_report)
        outcomes = []
        for outcome in launcher.materialize(assets, partitions, options.jobs):
            outcomes.append(outcome)
            _report_skipped(outcome)
    passed = all(outcome.passed for outcome in outcomes)
    if options.json:
        say_json([_as_json(outcome) for outcome in outcomes])
    else:
        steps = sum(len(outcome.steps) for outcome in outcomes)
        how = "done" if passed else "FAILED"
        say(
            f"{how}: {steps} steps, {len(outcomes)} run{'s' * (len(outcomes) != 1)}, {time.perf_counter() - started:.1f} s"
        )
        say(f"next: ml-assets history {names[0].split('/')[0]}")
    return 0 if passed else 1


def _refuse_early(options: argparse.Namespace) -> None:
    """Say what is wrong before Dagster is loaded, where the selection is a plain problem or problem/asset."""
    name = options.selection.strip("+").split("/")[0]
    if not name.isidentifier():
        return
    problem = problem_named(name)
    if not isinstance(problem.partitions, Dynamic):
        between(problem.partitions.keys(), *bounds(options))
    changed = [setting for setting in options.settings if setting.startswith("params.")]
    if changed:
        run_config([f"{name}/model"], changed)


def _add_landed(assets: list[str], partition: str | None, instance: DagsterInstance, landing: LandingFolder) -> None:
    """A dynamic partition whose files have landed is one, also where no sensor has seen them yet.

    Raises:
        NotLanded: if they have not.
    """
    for problem in map(problem_named, sorted({name.split("/")[0] for name in assets})):
        if partition is not None and isinstance(problem.partitions, Dynamic):
            for name in files_of(problem, problem.partitions.partition(partition).key):
                landing.read(name)
            instance.add_dynamic_partitions(problem.name, [partition])


def run_config(assets: list[str], settings: list[str]) -> dict[str, Any]:
    """``["params.learning_rate=0.05", "seed=7"]`` as the run config of the selected models.

    Raises:
        UsageError: if a setting is not written so, or nothing selected has parameters.
    """
    models = [name for name in assets if name.endswith("/model")]
    if settings and not models:
        raise UsageError(
            "--set changes a model's parameters, and no model is selected. Select one, e.g. flight_delays/model+."
        )
    config: dict[str, Any] = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        section, dot, name = path.partition(".")
        if not equals or not ((section == "params" and name) or (section == "seed" and not dot)):
            raise UsageError(f"--set {setting!r} cannot be understood. Write --set params.NAME=VALUE or --set seed=N.")
        if section == "seed":
            config["seed"] = _value(text)
        else:
            config.setdefault("params", {})[name] = _value(text)
    _refuse_unknown(models, config)
    return {"ops": {model.replace("/", "__"): {"config": config} for model in models}} if config else {}


def _refuse_unknown(models: list[str], config: dict[str, Any]) -> None:
    if type(config.get("seed", 0)) is not int:
        raise InvalidParams(f"seed is a whole number, not {config['seed']!r}.")
    for model in models:
        changed_params(problem_named(model.split("/")[0]).params, config.get("params", {}))


def _at_least_one(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _report(step: Step) -> None:
    mark = "✓" if step.passed else "✗"
    progress(f"{mark} {step.asset:32} {step.partition:10} {step.seconds:6.1f} s")
    for finding in step.findings:
        progress(f"    ! {finding}")
    if step.why:
        progress(f"    {step.why}")


def _report_skipped(outcome: Outcome) -> None:
    for name in sorted("/".join(key.path) for key in outcome.skipped):
        progress(f"– {name:32} {outcome.partition:10} skipped: no outcome is known yet")


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "run": outcome.run,
        "partition": outcome.partition,
        "passed": outcome.passed,
        "skipped": sorted("/".join(key.path) for key in outcome.skipped),
        "steps": [
            {"asset": s.asset, "passed": s.passed, "seconds": s.seconds, "why": s.why, "findings": list(s.findings)}
            for s in outcome.steps
        ],
    }
