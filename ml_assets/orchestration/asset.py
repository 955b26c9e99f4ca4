"""Declared assets as Dagster's: key, group, inputs, partitions, checks, tags, where the value goes."""

from __future__ import annotations

import inspect
import pkgutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import dagster as dg

from ml_assets.assets import Asset, CheckSpec, Input, noun_that
from ml_assets.computation.recipe import Recipe
from ml_assets.orchestration.automation import condition
from ml_assets.orchestration.code_references import code_references, definition_of
from ml_assets.orchestration.compute import op_tags, without_gpus
from ml_assets.orchestration.executor import ALL_THREADS, OWN_PROCESS
from ml_assets.orchestration.freshness import freshness_policy
from ml_assets.orchestration.io_manager import IO_MANAGER
from ml_assets.orchestration.keys import asset_key, key_named
from ml_assets.orchestration.params import config_schema
from ml_assets.orchestration.partitions import input_mapping, partitions_definition, previous_mapping
from ml_assets.orchestration.step import LANDING_FOLDER, Emitted, Step
from ml_assets.orchestration.upstream import is_handed_over, upstream_inputs
from ml_assets.problem import Problem
from ml_assets.store import Handle

CALLED: Mapping[str | None, tuple[str, ...]] = {
    "lands": ("dataset",), "derives": ("features",), "judges": ("predict",), "serves": ("predict",), "explains": ("predict",),
    "audits": ("predict",), "watches": ("predict",),
}  # fmt: skip
"""Which function of a problem an asset calls that may be a command, besides those that train."""
NEEDS = {IO_MANAGER, LANDING_FOLDER}
"""The resources of every op."""
LAST = {"dagster/priority": "-1"}  # of the steps that could run at the same moment, in one process


def problem_asset(problem: Problem, asset: Asset) -> dg.AssetsDefinition:
    """An asset of a problem, as it is declared.

    What a champion makes reads one that an earlier run decided: its own run neither waits for champions, nor skips or fails
    the asset with them.
    """
    shared = shared_attributes(problem, asset)
    made = dg.asset(
        **shared,
        deps=_deps(problem, asset),
        required_resource_keys=NEEDS,
        io_manager_key=IO_MANAGER,
        config_schema=config_schema(problem) if asset.params == "chosen" else None,
        op_tags=_tags(problem, asset),
        freshness_policy=freshness_policy(problem, asset),
        check_specs=check_specs(problem, asset),
    )(_body(Step(Recipe(problem, asset.name), partial(made_by(asset), problem)), asset, shared["ins"]))
    serving = [_earlier_champion(problem)] if asset.looks_back else []
    return _amended(made, serving, may_skip=asset.may_skip) if serving or asset.may_skip else made


def shared_attributes(problem: Problem, asset: Asset) -> dict[str, Any]:
    """What Dagster is told of every asset, whether it is one step or a graph of them."""
    return {
        "key": asset_key(problem, asset.name),
        "ins": {
            **{read.name: _upstream(problem, read) for read in asset.inputs_of(problem)},
            **_foreign(problem, asset),
        },
        "partitions_def": partitions_definition(problem),
        "group_name": problem.name,
        "description": asset.description(problem),
        "owners": list(problem.owners),
        "kinds": _kinds(problem, asset),
        "metadata": _code(problem, asset),
        "automation_condition": condition(problem, asset),
    }


def _kinds(problem: Problem, asset: Asset) -> set[str]:
    """What people see at a glance: a model that a command trains is none of Python."""
    is_of_a_command = asset.role == "trains" and hasattr(problem.train, "faults_as")
    return {"command"} if is_of_a_command else set(asset.kinds)


def made_by(asset: Asset) -> Callable[..., Any]:
    """The function that makes an asset."""
    made: Callable[..., Any] = pkgutil.resolve_name(asset.made_by)
    return made


def check_specs(problem: Problem, asset: Asset) -> list[dg.AssetCheckSpec]:
    """The checks of an asset, as they are announced to Dagster."""
    key, partitions = asset_key(problem, asset.name), partitions_definition(problem)
    return [_dagster_spec(_unless_waived(check, problem), key, partitions) for check in asset.checks_of(problem)]


def _code(problem: Problem, asset: Asset) -> dict[str, Any]:
    """The problem's code that makes an asset, as metadata: its functions, or the file that makes the problem."""
    functions = [getattr(problem, name) for name in asset.shows]
    return code_references(*functions) if functions else definition_of(problem)


def _upstream(problem: Problem, read: Input) -> dg.AssetIn:
    return dg.AssetIn(key=key_named(read.key(problem)), partition_mapping=input_mapping(problem, read))


def _foreign(problem: Problem, asset: Asset) -> dict[str, dg.AssetIn]:
    """Other people's assets that are read."""
    return upstream_inputs(problem) if asset.role == "records" else {}


def _deps(problem: Problem, asset: Asset) -> list[dg.AssetDep]:
    """Landed files; and of what is decided in order of time, the partition before: also when a backfill runs many."""
    is_asset = any(read.asset == noun_that("records") for read in asset.inputs_of(problem))
    landing = [dg.AssetDep(asset_key(problem, noun_that("records")))] if asset.role == "lands" and not is_asset else []
    in_order = asset.role == "decides" and problem.partitions.in_time
    return [*landing, *([_earlier_champion(problem)] if in_order else [])]


def _earlier_champion(problem: Problem) -> dg.AssetDep:
    return dg.AssetDep(asset_key(problem, noun_that("decides")), partition_mapping=previous_mapping(problem.partitions))


def _tags(problem: Problem, asset: Asset) -> dict[str, Any]:
    return {
        **(
            training_tags(problem) if asset.params or _trains_to_decide(problem, asset) else _image_tags(problem, asset)
        ),
        **(LAST if asset.looks_back or asset.role in ("explains", "watches") else {}),
    }


def _trains_to_decide(problem: Problem, asset: Asset) -> bool:
    """Whether a decision is told by several windows, of which it may have to train models."""
    return asset.role == "decides" and problem.promote_when.windows > 1


def training_tags(problem: Problem, *, own_process: bool = True) -> dict[str, Any]:
    """The op tags of a step that trains; it asks its model whether it reloads, so predictions count, too."""
    image, computes_here = image_of(problem, "train", "predict"), not image_of(problem, "train")
    return {
        **({OWN_PROCESS: "true"} if own_process else {}),
        **({ALL_THREADS: "true"} if problem.threads_change_bits else {}),
        **op_tags(problem.compute, image, computes_here=computes_here),
    }


def _image_tags(problem: Problem, asset: Asset) -> dict[str, Any]:
    """Of a step that does not train: a pod of its own only for a command that has an image of its own."""
    image = image_of(problem, *CALLED.get(asset.role, ()))
    return op_tags(without_gpus(problem.compute), image) if image else {}


def image_of(problem: Problem, *functions: str) -> str:
    """The image of the first of a problem's functions that is a command with one; empty: of none."""
    return next((image for name in functions if (image := getattr(getattr(problem, name), "image", ""))), "")


def _body(step: Step, asset: Asset, ins: Mapping[str, dg.AssetIn]) -> Callable[..., Emitted]:
    """The function that Dagster calls; it looks at the annotations of its parameters."""

    def body(context: dg.AssetExecutionContext, **inputs: Any) -> Emitted:
        yield from step.run(context, inputs)

    inputs = asset.inputs_of(step.recipe.problem)
    windows = {read.name for read in inputs if read.span}
    handles = {read.name for read in inputs}
    given = [name for name, read in ins.items() if is_handed_over(read)]
    types = {name: dict[str, Handle] if name in windows else Handle if name in handles else Any for name in given}
    annotations = {"context": dg.AssetExecutionContext, **types}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    body.__name__ = asset.name
    body.__annotations__ = annotations
    body.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind, annotation=annotation) for name, annotation in annotations.items()]
    )
    body.is_there = step.is_there  # type: ignore[attr-defined]  # for the executor, see foresight.py
    return body


def last_op(name: str, step: Step, ins: Mapping[str, dg.In], specs: Sequence[dg.AssetCheckSpec]) -> dg.OpDefinition:
    """The last op of an asset of many steps: yields what it is, and its checks.

    Args:
        ins: what the asset is made from, and ``Nothing`` of the ops before it.
    """

    def last(at: Any, inputs: Mapping[str, Any]) -> Emitted:
        yield from step.run(at, inputs)

    checks = {spec.get_python_identifier(): dg.Out(dg.Nothing, is_required=False) for spec in specs}
    outs = {"result": dg.Out(io_manager_key=IO_MANAGER), **checks}
    return dg.OpDefinition(last, name, ins=ins, outs=outs, required_resource_keys=NEEDS)


def _amended(asset: dg.AssetsDefinition, deps: Sequence[dg.AssetDep], *, may_skip: bool) -> dg.AssetsDefinition:
    """With more edges in the asset graph and none in a run, and with neither the asset nor its checks required of a step.

    A step waits for its inputs, not for its spec: through an input it would be skipped or abandoned with what is upstream.
    (Dagster 1.13 has no public way to say either: pinned, and held by our tests.)
    """
    specs = [spec.replace_attributes(deps=[*spec.deps, *deps]) for spec in asset.specs]
    outs = {out.name: dg.Out.from_definition(out)._replace(is_required=not may_skip) for out in asset.op.output_defs}
    amended = {"specs": specs, "node_def": asset.op.with_replaced_properties(asset.op.name, outs=outs)}
    return dg.AssetsDefinition.dagster_internal_init(**{**asset.get_attributes_dict(), **amended})


def _unless_waived(spec: CheckSpec, problem: Problem) -> CheckSpec:
    """A check that the problem waives only informs: automation must not wait until it passes."""
    return replace(spec, blocking=spec.blocking and spec.name not in problem.waive)


def _dagster_spec(spec: CheckSpec, asset: dg.AssetKey, partitions: dg.PartitionsDefinition[str]) -> dg.AssetCheckSpec:
    """A check as it is announced to Dagster."""
    with warnings.catch_warnings():  # partitioned checks are a preview in 1.13: pinned, and held by our tests
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            spec.name, asset=asset, description=spec.description, blocking=spec.blocking, partitions_def=partitions
        )
