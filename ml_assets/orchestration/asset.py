"""What all assets of a problem have in common: key, group, partitions, checks, where the value goes."""

from __future__ import annotations

import functools
import inspect
import resource
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from ml_assets.evaluation.checks import CheckOutcome
from ml_assets.orchestration.automation import condition
from ml_assets.orchestration.freshness import freshness_policy
from ml_assets.orchestration.io_manager import IO_MANAGER, Made
from ml_assets.orchestration.partitions import partitions_definition
from ml_assets.problem import Problem
from ml_assets.store import Content, Store

LANDING = "landing"


@dataclass(frozen=True)
class CheckSpec:
    """A check as it is announced before it runs. Whether a failure blocks (error) or informs (warning), its outcome says.

    Attributes:
        blocking: whether a failure can block; False for what only informs: automation does not wait for it.
    """

    name: str
    description: str
    blocking: bool = True


@dataclass(frozen=True)
class Skip:
    """What an asset returns when there is nothing to make yet: it and what is downstream are not made; the run succeeds."""

    reason: str


def asset_key(problem: Problem, noun: str) -> dg.AssetKey:
    """The key of one of a problem's assets."""
    return dg.AssetKey([problem.name, noun])


def store_of(context: dg.AssetExecutionContext) -> Store:
    """The store that a step reads from and writes to."""
    store: Store = getattr(context.resources, IO_MANAGER).store
    return store


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
) -> Callable[[Callable[..., Made | Skip]], dg.AssetsDefinition]:
    """Turn a function ``(context, **inputs) -> Made`` into the problem's asset ``noun``.

    Args:
        may_skip: whether the function may also return a ``Skip``.
        not_waited_for: more ``deps``, of which the function reads what earlier runs made: the same run neither waits for
            them, nor skips or fails the asset with them.
    """
    key, partitions = asset_key(problem, noun), partitions_definition(problem)

    def decorate(make: Callable[..., Made | Skip]) -> dg.AssetsDefinition:
        @functools.wraps(make)
        def body(context: dg.AssetExecutionContext, **inputs: Any) -> Iterator[dg.AssetCheckResult | dg.Output[Made]]:
            clock = _Clock()
            made = make(context, **inputs)
            if isinstance(made, Skip):
                context.log.info(made.reason)
                return
            content = made.value if isinstance(made.value, Content) else store_of(context).put(made.value)
            output = _output(replace(made, value=content, resources=clock.read()), content)
            checked = [check_result(check) for check in made.checks]
            looked_into = {check.name for check in made.checks}
            checked += [not_looked_into(check) for check in checks if made.refused and check.name not in looked_into]
            # Dagster ties a check to the newest materialization: to this one, which must come first. A refused version
            # is none: handling the output ends the step, and what the checks found must be said before.
            if made.refused:
                yield from checked
            yield output
            yield from checked

        _annotate_like(body, make)
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
            check_specs=[_dagster_spec(check, key, partitions) for check in checks],
        )(body)
        return _amended(asset, not_waited_for, may_skip=may_skip) if not_waited_for or may_skip else asset

    return decorate


def _amended(asset: dg.AssetsDefinition, deps: Sequence[dg.AssetDep], *, may_skip: bool) -> dg.AssetsDefinition:
    """With more edges in the asset graph and none in a run, and with neither the asset nor its checks required of a step.

    A step waits for its inputs, not for its spec: through an input it would be skipped or abandoned with what is upstream.
    (Dagster 1.13 has no public way to say either: pinned, and held by our tests.)
    """
    specs = [spec.replace_attributes(deps=[*spec.deps, *deps]) for spec in asset.specs]
    outs = {out.name: dg.Out.from_definition(out)._replace(is_required=not may_skip) for out in asset.op.output_defs}
    amended = {"specs": specs, "node_def": asset.op.with_replaced_properties(asset.op.name, outs=outs)}
    return dg.AssetsDefinition.dagster_internal_init(**{**asset.get_attributes_dict(), **amended})


def _output(made: Made, content: Content) -> dg.Output[Made]:
    """With its data version: set later, by the IO manager, Dagster would take it for the one before of a self-dependency."""
    with warnings.catch_warnings():  # a beta parameter in 1.13: pinned, and held by our tests
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.Output(made, data_version=dg.DataVersion(content.digest))


def _dagster_spec(spec: CheckSpec, asset: dg.AssetKey, partitions: dg.PartitionsDefinition[str]) -> dg.AssetCheckSpec:
    with warnings.catch_warnings():  # partitioned checks are a preview in 1.13: pinned, and held by our tests
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            spec.name, asset=asset, description=spec.description, blocking=spec.blocking, partitions_def=partitions
        )


def _annotate_like(body: Callable[..., Any], make: Callable[..., Any]) -> None:
    """Give ``body`` the evaluated annotations of ``make``: Dagster looks at them, and strings mean nothing to it."""
    signature = inspect.signature(make, eval_str=True)
    body.__signature__ = signature  # type: ignore[attr-defined]
    body.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}


def check_result(outcome: CheckOutcome) -> dg.AssetCheckResult:
    """An outcome as Dagster's: an error stops what is downstream, a warning does not."""
    return dg.AssetCheckResult(
        check_name=outcome.name,
        passed=outcome.passed,
        severity=dg.AssetCheckSeverity.ERROR if outcome.blocking else dg.AssetCheckSeverity.WARN,
        description=outcome.description,
        metadata=dict(outcome.metadata),
    )


def not_looked_into(check: CheckSpec) -> dg.AssetCheckResult:
    """What there is to say of a check that needs what another one has just refused."""
    return dg.AssetCheckResult(
        check_name=check.name,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description="Not looked into: what it needs was refused by another check.",
    )


class _Clock:
    """Wall and CPU seconds since it was made, and the process's peak memory."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        return {
            "wall_seconds": round(time.perf_counter() - self._wall, 3),
            "cpu_seconds": round(time.process_time() - self._cpu, 3),
            "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }
