"""What a command is about: assets of problems, over partitions, with parameters. The same words for `run` and `plan`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ml_assets
from ml_assets.cli.home import home
from ml_assets.cli.partitions import add_partitions, bounds
from ml_assets.computation.chain import chain_of, groups_read, named
from ml_assets.computation.planner import Planned, Planner
from ml_assets.computation.reuse import given_in
from ml_assets.errors import InvalidParams, UsageError
from ml_assets.problem import Dynamic, Problem, files_of
from ml_assets.problems import PROBLEMS, in_order_of_sharing, problem_named
from ml_assets.settings import Settings
from ml_assets.store import watch
from ml_assets.training.params import check_given

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from ml_assets.store import LandingFolder

Config = dict[str, Any]
"""``params`` or a ``candidate``, and ``seed``, that a run gives its trainings, where they are not the problem's own."""


def add_work(parser: argparse.ArgumentParser) -> None:
    """Offer a selection, partitions, parameters and ``--fresh``."""
    parser.add_argument(
        "selection",
        help="a problem, problem/asset (+ for what is below it), several with commas, or Dagster's selection syntax",
    )
    add_partitions(parser, required=True)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="params.x=V",
        dest="settings",
        help="set a parameter, seed or candidate",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="compute everything, and say whether it comes out the same"
    )


@dataclass(frozen=True)
class Work:
    """Some assets of a problem, in order, over some partitions."""

    problem: Problem
    nouns: Sequence[str]
    partitions: Sequence[str]

    @property
    def names(self) -> list[str]:
        """The assets as ``problem/asset``."""
        return [f"{self.problem.name}/{noun}" for noun in self.nouns]

    def plan(
        self, settings: Settings, config: Config, *, is_fresh: bool, before: Iterable[Planned] = ()
    ) -> list[Planned]:
        """What would become of each partition of each asset, after what was planned of other problems."""
        gives = given_in(self.problem, config)
        store, landing = ml_assets.open_store(settings), ml_assets.open_landing(settings)
        store = store.at_a_glance(len(self.nouns) * len(self.partitions))
        landing = landing.at_a_glance(len(self.partitions))
        return Planner(self.problem, store, landing, gives, is_fresh).plan(self.nouns, self.partitions, before)


def plans_of(works: Sequence[Work], settings: Settings, config: Config, *, is_fresh: bool) -> dict[str, list[Planned]]:
    """Problem -> its plan; those whose assets others share come first."""
    by_name, found = {work.problem.name: work for work in works}, dict[str, list[Planned]]()
    for problem in in_order_of_sharing([work.problem for work in works]):
        before = [one for plan in found.values() for one in plan]
        found[problem.name] = by_name[problem.name].plan(settings, config, is_fresh=is_fresh, before=before)
    return found


def work_of(options: argparse.Namespace, settings: Settings) -> list[Work]:
    """The work that a command names, by problem, each after those of which it shares something.

    With a whole problem, or what is above one of its assets, the feature groups that it shares are meant, too.

    Raises:
        UsageError: if there is no such asset or partition.
        NotLanded: if it is a new dynamic partition whose files have not landed.
    """
    works = {work.problem.name: work for work in _selected(options, settings)}
    for name in _with_all_above(options.selection) & works.keys():
        work = works[name]
        for group, partitions in groups_of(work.problem, work.partitions).items():
            keys = {*partitions, *(works[group].partitions if group in works else ())}
            owner = problem_named(group)
            works[group] = Work(owner, chain_of(owner), owner.partitions.in_order(keys))
    return [works[problem.name] for problem in in_order_of_sharing([work.problem for work in works.values()])]


def groups_of(problem: Problem, partitions: Iterable[str]) -> dict[str, list[str]]:
    """The feature groups that these partitions of a problem read -> which of theirs; each after those that it reads itself."""
    return groups_read(problem, partitions, in_order_of_sharing(PROBLEMS))


def _with_all_above(selection: str) -> set[str]:
    parts = [part.strip() for part in selection.split(",")]
    return {part.strip("+").partition("/")[0] for part in parts if "/" not in part or part.startswith("+")}


def _selected(options: argparse.Namespace, settings: Settings) -> list[Work]:
    """What the selection says, and no more. A plain one is understood without Dagster."""
    plain = named(options.selection) or {}
    if len(plain) != 1:
        return _understood_by_dagster(options, settings)
    ((name, selected),) = plain.items()
    problem = problem_named(name)
    nouns = [noun for noun in chain_of(problem) if noun in selected]
    if _only_dagster_knows(problem, nouns):
        return _understood_by_dagster(options, settings)
    return [Work(problem, nouns, problem.partitions.between(problem.partitions.keys(), *bounds(options)))]


def _only_dagster_knows(problem: Problem, nouns: Sequence[str]) -> bool:
    """Which dynamic partitions there are; and what to say of the study of a problem that has none."""
    return isinstance(problem.partitions, Dynamic) or not nouns


def config_of(names: Iterable[str], settings: Sequence[str]) -> Config:
    """``["params.learning_rate=0.05", "seed=7"]`` as what the selected models are given.

    Raises:
        UsageError: if a setting is not written so, or nothing selected has parameters.
        InvalidParams: if a problem has no such parameter, or it has another type.
    """
    models = [name.split("/")[0] for name in names if name.endswith("/model")]
    if settings and not models:
        raise UsageError(
            "--set changes a model's parameters, and no model is selected. Select one, e.g. flight_delays/model+."
        )
    config: Config = {}
    for setting in settings:
        path, equals, text = setting.partition("=")
        section, dot, name = path.partition(".")
        if not equals or not ((section == "params" and name) or (section in ("seed", "candidate") and not dot)):
            raise UsageError(
                f"--set {setting!r} cannot be understood. Write --set params.NAME=VALUE, --set seed=N or --set candidate=NAME."
            )
        if section == "candidate":
            config["candidate"] = text
        elif section == "seed":
            config["seed"] = _value(text)
        else:
            config.setdefault("params", {})[name] = _value(text)
    if type(config.get("seed", 0)) is not int:
        raise InvalidParams(f"seed is a whole number, not {config['seed']!r}.")
    for model in models:
        check_given(problem_named(model), config)
    return config


def _understood_by_dagster(options: argparse.Namespace, settings: Settings) -> list[Work]:
    from ml_assets.orchestration.launch import instance_in
    from ml_assets.orchestration.selection import Target, names_of, partition_keys, selected

    target = Target.here()
    assets = selected(target, options.selection)
    names = names_of(assets)
    problems = [problem_named(name) for name in sorted({name.split("/")[0] for name in names})]
    with instance_in(home(settings)) as instance:
        for problem in problems:
            _add_landed(problem, options.partition, instance, ml_assets.open_landing(settings))
        keys = partition_keys(target, assets, instance)
        partitions = problems[0].partitions.between(keys, *bounds(options))
    return [
        Work(problem, [noun for noun in chain_of(problem) if f"{problem.name}/{noun}" in names], partitions)
        for problem in problems
    ]


def _add_landed(problem: Problem, partition: str | None, instance: DagsterInstance, landing: LandingFolder) -> None:
    """Dynamic partitions whose files have landed are some, also where no sensor has seen them yet."""
    if not isinstance(problem.partitions, Dynamic):
        return
    if partition is not None:
        for name in files_of(problem, problem.partitions.partition(partition).key):
            landing.read(name)
    instance.add_dynamic_partitions(
        problem.name, landed_partitions(problem, landing) if partition is None else [partition]
    )


def landed_partitions(problem: Problem, landing: LandingFolder) -> list[str]:
    """The partitions all of whose files are there."""
    files = watch.Files.of(problem.landing_files, problem.partitions)
    there = {name.removeprefix(f"{problem.name}/") for name in landing.list(problem.name)}
    keys = {key for name in there for key in files.partitions(name) if there.issuperset(files.names(key))}
    return problem.partitions.in_order(key for key in keys if problem.partitions.has(key))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
