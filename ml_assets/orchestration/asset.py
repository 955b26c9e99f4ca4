"""What all assets of a problem have in common: key, group, partitions, checks, where the value goes."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg

from ml_assets.computation.recipe import Recipe
from ml_assets.orchestration.automation import condition
from ml_assets.orchestration.freshness import freshness_policy
from ml_assets.orchestration.io_manager import IO_MANAGER
from ml_assets.orchestration.partitions import partitions_definition
from ml_assets.orchestration.step import LANDING, CheckSpec, Emitted, Make, Step
from ml_assets.problem import Problem


def asset_key(problem: Problem, noun: str) -> dg.AssetKey:
    """The key of one of a problem's assets."""
    return dg.AssetKey([problem.name, noun])


def upstream(problem: Problem, noun: str, mapping: dg.PartitionMapping | None = None) -> dg.AssetIn:
    """An input from another of the problem's assets."""
    return dg.AssetIn(key=asset_key(problem, noun), partition_mapping=mapping)


def problem_asset(
    problem: Problem,
    noun: str,
    *,
    description: str,
    ins: Mapping[str, dg.AssetIn] | None = None,
    deps: Sequence[dg.AssetDep] = (),
    checks: Sequence[CheckSpec] = (),
    kinds: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    config_schema: Mapping[str, dg.Field] | None = None,
    op_tags: Mapping[str, str] | None = None,
    may_skip: bool = False,
    not_waited_for: Sequence[dg.AssetDep] = (),
) -> Callable[[Make], dg.AssetsDefinition]:
    """Turn a function ``(context, **inputs) -> Made`` into the problem's asset ``noun``.

    Args:
        may_skip: whether the function may also return a ``Skip``.
        not_waited_for: more ``deps``, of which the function reads what earlier runs made: the same run neither waits for
            them, nor skips or fails the asset with them.
    """
    key, partitions = asset_key(problem, noun), partitions_definition(problem)

    def decorate(make: Make) -> dg.AssetsDefinition:
        asset = dg.asset(
            key=key,
            ins=ins,
            deps=deps,
            partitions_def=partitions,
            group_name=problem.name,
            description=description,
            owners=list(problem.owners),
            kinds=set(kinds),
            metadata=metadata,
            required_resource_keys={IO_MANAGER, LANDING},
            config_schema=config_schema,
            op_tags=op_tags,
            automation_condition=condition(problem, noun),
            freshness_policy=freshness_policy(problem, noun),
            check_specs=[dagster_spec(_unless_waived(check, problem), key, partitions) for check in checks],
        )(_body(Step(Recipe(problem, noun), make, checks), ins or ()))
        return _amended(asset, not_waited_for, may_skip=may_skip) if not_waited_for or may_skip else asset

    return decorate


def _body(step: Step, ins: Iterable[str]) -> Callable[..., Emitted]:
    """The function that Dagster calls, with the parameters of the one that makes the asset."""

    @functools.wraps(step.make)
    def body(context: dg.AssetExecutionContext, **inputs: Any) -> Emitted:
        yield from step.run(context, inputs)

    body.is_there = step.is_there  # type: ignore[attr-defined]  # for the executor, see foresight.py
    _annotate_like(body, step.make, ins)
    return body


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


def dagster_spec(spec: CheckSpec, asset: dg.AssetKey, partitions: dg.PartitionsDefinition[str]) -> dg.AssetCheckSpec:
    """A check as it is announced to Dagster."""
    with warnings.catch_warnings():  # partitioned checks are a preview in 1.13: pinned, and held by our tests
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            spec.name, asset=asset, description=spec.description, blocking=spec.blocking, partitions_def=partitions
        )


def _annotate_like(body: Callable[..., Any], make: Callable[..., Any], ins: Iterable[str]) -> None:
    """Give ``body`` the evaluated annotations of ``make``: Dagster looks at them, and strings mean nothing to it.

    Inputs that not every problem has are among ``**others: Handle`` of ``make``; Dagster wants each by its name.
    """
    signature = inspect.signature(make, eval_str=True)
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in signature.parameters.values()):
        named = {name: p for name, p in signature.parameters.items() if p.kind is not inspect.Parameter.VAR_KEYWORD}
        (others,) = (p for p in signature.parameters.values() if p.kind is inspect.Parameter.VAR_KEYWORD)
        more = [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=others.annotation)
            for name in ins
            if name not in named
        ]
        signature = signature.replace(parameters=[*named.values(), *more])
    body.__signature__ = signature  # type: ignore[attr-defined]
    body.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
